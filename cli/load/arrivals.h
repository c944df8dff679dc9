// arrivals.h - when the requests of an open loop are due.
#pragma once

#include <cmath>
#include <cstdint>

#include "cli/load/load.h"
#include "cli/random.h"

namespace weir::cli {

/// Moments, in nanoseconds, at a mean rate: evenly spaced, or as a Poisson process has them, with
/// exponentially distributed gaps, as of many users who know nothing of each other.
class Schedule {
 public:
  Schedule(Arrivals kind, double per_second, std::int64_t begin, std::uint64_t seed) noexcept
      : kind_(kind),
        gap_(1e9 / per_second),
        begin_(begin),
        random_(seed),
        // Generators that begin together do not send together.
        elapsed_(gap_ * random_.part()) {}

  /// The next one; never before the one before.
  std::int64_t next() noexcept {
    const auto due = begin_ + static_cast<std::int64_t>(elapsed_);
    const bool even = kind_ == Arrivals::constant;
    elapsed_ += even ? gap_ : gap_ * -std::log1p(-random_.part());
    return due;
  }

 private:
  Arrivals kind_;
  double gap_;
  std::int64_t begin_;
  Random random_;
  double elapsed_;
};

}  // namespace weir::cli
