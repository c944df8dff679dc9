// clock.h - the one home of the time.
#pragma once

#include <cstdint>

namespace weir::os {

/// Time as it comes in through constructors, so that a simulation can replace it.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since some fixed moment; never goes back.
  virtual std::int64_t now() noexcept = 0;
};

/// CLOCK_MONOTONIC (clock_gettime(2)).
Clock& monotonic_clock() noexcept;

/// Rests this thread: nanosleep(2). Ends early when a signal comes.
void rest(std::int64_t nanoseconds) noexcept;

}  // namespace weir::os
