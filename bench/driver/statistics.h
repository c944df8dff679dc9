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

/// Of samples in groups that have something in common, as those of one process have: the median of
/// all, and the 95 % interval of a bootstrap over the groups and, within each, its samples. Of one
/// group: as above.
Estimate estimate_of_groups(const std::vector<std::vector<double>>& groups);

/// The geometric mean of several ratios; their intervals are combined as independent errors. It has
/// as many samples as the one with the fewest.
Estimate geometric_mean(const std::vector<Estimate>& ratios);

/// One ratio divided by another; their intervals are combined as independent errors. It has as many
/// samples as the one with fewer.
Estimate quotient(const Estimate& dividend, const Estimate& divisor);

/// All latencies of one subject, turn by turn. A stall in a single turn shows in the high
/// percentiles of all together, where the median of each turn's percentiles would leave it out.
class PooledLatencies {
 public:
  explicit PooledLatencies(const std::vector<std::vector<std::uint32_t>>& turns);

  /// The percentile (`part` from 0 to 1) over the turns, each counted as often as its weight says;
  /// there is a weight for each turn. 0 when there is no latency.
  double percentile(double part, const std::vector<int>& weights) const;
  /// Over every turn once.
  double percentile(double part) const;

  std::size_t turns() const { return sizes_.size(); }

 private:
  struct Latency {
    std::uint32_t value;
    std::uint32_t turn;
  };
  std::vector<Latency> latencies_;  // The longest first.
  std::vector<std::size_t> sizes_;  // How many each turn has.
};

/// The ratio of a percentile over all turns, with the 95 % interval of a bootstrap over the turns:
/// how it comes out when as many are drawn with replacement, a subject's turn always with the
/// reference's that belongs to it. Requires: both have as many turns.
Estimate pooled_ratio(const PooledLatencies& subject, const PooledLatencies& reference,
                      double part);

}  // namespace bench
