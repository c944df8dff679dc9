// duration.h - times that a user may set, as ns.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir::base {

/// Less than none is none. Longer than a year is for ever, and leaves room for the time of day to
/// be added.
inline std::int64_t nanoseconds(std::chrono::milliseconds duration) noexcept {
  constexpr std::chrono::milliseconds none(0), longest = std::chrono::hours(24 * 365);
  return std::chrono::nanoseconds(std::clamp(duration, none, longest)).count();
}

}  // namespace weir::base
