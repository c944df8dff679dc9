// sandbox.h - makes a process poorer: for Child::Options::before_exec.
#pragma once

#include <cstddef>
#include <cstdlib>

#include "src/base/sanitizers.h"

namespace support {

/// Raises RLIMIT_NOFILE as far as is allowed without a privilege, and returns it.
std::size_t raise_descriptors();

/// RLIMIT_NOFILE.
void limit_descriptors(std::size_t count);
/// What making a ring takes.
enum class RingCall { set_up, enrol };
/// From now on io_uring_setup(2), or io_uring_register(2), fails with `error_number`, as under a
/// container's seccomp filter (EPERM), on a kernel without it (ENOSYS), or on one that lacks a
/// feature (EINVAL).
void forbid_io_uring(int error_number, RingCall call = RingCall::set_up);

/// Whether this is a build in which memory and speed mean nothing.
constexpr bool sanitized() {
  return weir::base::address_sanitizer || weir::base::thread_sanitizer;
}

/// Why a test of worker processes that a thread beside others forks is skipped in a build by
/// ThreadSanitizer: the watch for stalls is a thread of theirs.
constexpr const char* no_threads_after_fork =
    "ThreadSanitizer ends a process that starts threads after a fork of several";

/// Whether the long versions of slow tests are asked for: WEIR_FULL=1.
inline bool full() {
  const char* wish = std::getenv("WEIR_FULL");
  return wish != nullptr && *wish != '\0' && *wish != '0';
}

}  // namespace support
