// statistics.h - medians with their intervals, and percentiles of latencies.
#pragma once

#include <cstdint>
#include <vector>

namespace bench {

/// A median and the 95 % interval that the order of the samples gives: no assumption on how they
/// are distributed (the ranks are binomial quantiles).
struct Estimate {
  double median = 0;
  double low = 0;
  double high = 0;
  std::size_t samples = 0;

  /// From fewer than 6 samples no two of them enclose the median with 95 %: low and high say
  /// nothing then.
  bool has_interval() const { return samples >= 6; }
};

Estimate estimate(std::vector<double> samples);

/// The geometric mean of several ratios; their intervals are combined as independent errors. It has
/// as many samples as the one with the fewest.
Estimate geometric_mean(const std::vector<Estimate>& ratios);

/// One ratio divided by another; their intervals are combined as independent errors. It has as many
/// samples as the one with fewer.
Estimate quotient(const Estimate& dividend, const Estimate& divisor);

/// `part` from 0 to 1; reorders the values. 0 when there are none.
double percentile(std::vector<std::uint32_t>& values, double part);

}  // namespace bench
