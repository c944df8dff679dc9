#include "os/timer.h"

#include <sys/timerfd.h>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {

Timer::Timer() noexcept
    : fd_(system_call(CallKind::timerfd_create, ::timerfd_create, CLOCK_MONOTONIC,
                      TFD_CLOEXEC | TFD_NONBLOCK)) {
  ++base::counters.calls_other;
}

bool Timer::set(std::int64_t nanoseconds) noexcept {
  ++base::counters.calls_other;
  itimerspec when{};
  when.it_value = {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  return system_call(CallKind::timerfd_settime, ::timerfd_settime, fd_.get(), 0, &when,
                     nullptr) == 0;
}

}  // namespace weir::os
