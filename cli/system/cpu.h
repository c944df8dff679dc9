// cpu.h - the CPU time that this program has used.
#pragma once

#include <cstdint>

namespace weir::cli {

/// In microseconds, over all threads and every child process that has been waited for.
struct CpuTime {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
};

/// From the kernel's accounting (getrusage(2)).
CpuTime cpu_time();

}  // namespace weir::cli
