#include "os/clock.h"

#include <time.h>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {
namespace {

class MonotonicClock final : public Clock {
 public:
  std::int64_t now() noexcept override {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  }
};

}  // namespace

Clock& monotonic_clock() noexcept {
  static constinit MonotonicClock clock;
  return clock;
}

void rest(std::int64_t nanoseconds) noexcept {
  ++base::counters.calls_wait;
  const timespec duration{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  system_call(CallKind::nanosleep, ::nanosleep, &duration, nullptr);
}

}  // namespace weir::os
