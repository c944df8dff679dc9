#include "cli/system/cpu.h"

#include <initializer_list>

#include <sys/resource.h>

namespace weir::cli {

namespace {

std::int64_t microseconds(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

}  // namespace

CpuTime cpu_time() {
  CpuTime sum;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);  // Cannot fail with these arguments.
    sum.user_us += microseconds(usage.ru_utime);
    sum.system_us += microseconds(usage.ru_stime);
  }
  return sum;
}

}  // namespace weir::cli
