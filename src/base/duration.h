// duration.h - times that a user may set, as ns.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir::base {

/// Longer than a year is for ever, and leaves room for the time of day to be added.
inline std::int64_t nanoseconds(std::chrono::milliseconds duration) noexcept {
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);
  return std::chrono::nanoseconds(std::min(duration, longest)).count();
}

}  // namespace weir::base
