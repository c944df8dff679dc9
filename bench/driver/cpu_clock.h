// cpu_clock.h - how much CPU a process has used, in nanoseconds, its threads and children included.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "posix.h"

namespace bench {

/// The ordinary source is the process's CPU clock, which knows all its threads. A server that forks
/// gets a perf task clock instead, which its children inherit; where perf is forbidden, the clocks
/// of the living children are added, and of the dead ones what the kernel books for their parent.
class CpuClock {
 public:
  CpuClock() = default;
  /// Requires: the process has no children yet; what came before is not counted.
  CpuClock(pid_t pid, bool forks);

  std::int64_t read_ns() const;
  /// Reads once the process has come to rest, so that work after the last reply is counted too.
  std::int64_t read_at_rest_ns() const;

 private:
  pid_t pid_ = 0;
  bool forks_ = false;
  Fd perf_;
};

}  // namespace bench
