// poll.h - poll(2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::os {

/// Laid out like pollfd. A negative fd is skipped by the kernel.
struct PollEntry {
  int fd;
  std::int16_t wanted;
  std::int16_t happened;
};
constexpr std::int16_t poll_readable = 0x001;                // POLLIN
constexpr std::int16_t poll_writable = 0x004;                // POLLOUT
constexpr std::int16_t poll_failed = 0x008 | 0x010 | 0x020;  // POLLERR, POLLHUP, POLLNVAL

/// Waits up to `nanoseconds` (negative: for ever), rounded up to a millisecond. Returns how many
/// entries have `happened` set; 0 after EINTR.
std::size_t poll(PollEntry* entries, std::size_t count, std::int64_t nanoseconds) noexcept;

}  // namespace weir::os
