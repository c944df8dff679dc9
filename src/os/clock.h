// clock.h - the one home of the time.
#pragma once

#include <cstdint>

#include "kernel/clock.h"

namespace weir::os {

using kernel::Clock;

/// CLOCK_MONOTONIC (clock_gettime(2)).
Clock& monotonic_clock() noexcept;

/// Rests this thread: nanosleep(2). Ends early when a signal comes.
void rest(std::int64_t nanoseconds) noexcept;

}  // namespace weir::os
