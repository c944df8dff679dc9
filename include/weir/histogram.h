// histogram.h - values by their frequency, with a bounded relative error: for latencies.
//
//     weir::Histogram latency;
//     latency.record(elapsed_ns);
//     std::int64_t p99 = latency.at_percentile(99.0);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir {

/// Log-linear, laid out as HdrHistogram is: ranges that double, each cut into equal parts, so
/// fine that a value is kept to three significant figures. Values are whole numbers from 0 to
/// the greatest one; what is above counts as the greatest. Recording costs a few instructions
/// and no memory; adding up two histograms is exact.
///
/// Belongs to one thread; each records into its own, and they are added up at the end.
class Histogram {
 public:
  /// One hour in nanoseconds.
  static constexpr std::int64_t default_greatest = 3'600'000'000'000;

  explicit Histogram(std::int64_t greatest = default_greatest);

  void record(std::int64_t value, std::uint64_t count = 1) noexcept;
  /// Adds all that the other holds. Requires: both have the same greatest value.
  void add(const Histogram& other) noexcept;
  void clear() noexcept;

  std::uint64_t count() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  /// The smallest and the largest value recorded, exactly; 0 when there is none.
  std::int64_t min() const noexcept { return empty() ? 0 : min_; }
  std::int64_t max() const noexcept { return max_; }
  double mean() const noexcept;
  /// The value that `percent` of all are not above, within the accuracy; never above max().
  std::int64_t at_percentile(double percent) const noexcept;

  /// Values that cannot be told apart: from `lowest` to `highest`, recorded `count` times.
  struct Bucket {
    std::int64_t lowest = 0;
    std::int64_t highest = 0;
    std::uint64_t count = 0;
  };
  /// Those that are not empty, in rising order.
  std::vector<Bucket> buckets() const;

  /// As it was: what buckets(), min() and max() of another histogram told. The sum may be of
  /// several of them.
  void restore(std::span<const Bucket> buckets, std::int64_t min, std::int64_t max) noexcept;

 private:
  std::size_t index_of(std::int64_t value) const noexcept;
  static Bucket bounds_of(std::size_t index) noexcept;

  std::int64_t greatest_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::int64_t min_ = INT64_MAX;
  std::int64_t max_ = 0;
};

}  // namespace weir
