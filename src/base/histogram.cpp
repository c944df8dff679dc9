// histogram.cpp - HdrHistogram's layout: bucket k holds values below 2048 * 2^k in 2,048 parts, of
// which the lower half is bucket k - 1 again; only the upper halves, and the first lower one, are
// stored. A part of 2^k at a value of at least 1,024 * 2^k is an error below 0.1 %.
#include <weir/histogram.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/assert.h"

namespace weir {
namespace {

constexpr unsigned half_bits = 10;
constexpr std::uint64_t half = std::uint64_t{1} << half_bits;

std::size_t place(std::int64_t value) noexcept {
  const auto bits = static_cast<std::uint64_t>(value);
  // How far the value must be shifted to lie below 2,048.
  const auto bucket =
      static_cast<unsigned>(std::bit_width(bits | (2 * half - 1))) - (half_bits + 1);
  return (std::size_t{bucket} << half_bits) + (bits >> bucket);
}

}  // namespace

Histogram::Histogram(std::int64_t greatest) : greatest_(greatest) {
  ASSERT(greatest > 0);
  counts_.resize(place(greatest) + 1);
}

std::size_t Histogram::index_of(std::int64_t value) const noexcept {
  return place(std::clamp<std::int64_t>(value, 0, greatest_));
}

Histogram::Bucket Histogram::bounds_of(std::size_t index) noexcept {
  const std::size_t bucket = index < 2 * half ? 0 : (index >> half_bits) - 1;
  const std::uint64_t part = index - (bucket << half_bits);
  const auto lowest = static_cast<std::int64_t>(part << bucket);
  return {lowest, lowest + (std::int64_t{1} << bucket) - 1, 0};
}

void Histogram::record(std::int64_t value, std::uint64_t count) noexcept {
  if (count == 0) return;
  value = std::clamp<std::int64_t>(value, 0, greatest_);
  counts_[index_of(value)] += count;
  count_ += count;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::add(const Histogram& other) noexcept {
  ASSERT(counts_.size() == other.counts_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::clear() noexcept { *this = Histogram(greatest_); }

double Histogram::mean() const noexcept {
  if (empty()) return 0;
  double sum = 0;
  for (const Bucket& each : buckets()) {
    sum += static_cast<double>(each.count) *
           (static_cast<double>(each.lowest) + static_cast<double>(each.highest)) / 2;
  }
  return sum / static_cast<double>(count_);
}

std::int64_t Histogram::at_percentile(double percent) const noexcept {
  if (empty()) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_);
  // 99.9 % of 1,000 is 999, although the product is a hair above it.
  const auto wanted = static_cast<std::uint64_t>(std::max(1.0, std::ceil(share - 1e-6)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::clamp(bounds_of(i).highest, min_, max_);
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> result;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    result.push_back(bounds_of(i));
    result.back().count = counts_[i];
  }
  return result;
}

void Histogram::restore(std::span<const Bucket> buckets, std::int64_t min,
                        std::int64_t max) noexcept {
  if (buckets.empty()) return;
  const std::int64_t least = std::min(min_, min);
  const std::int64_t most = std::max(max_, max);
  for (const Bucket& each : buckets) record(each.lowest, each.count);
  min_ = least;
  max_ = most;
}

}  // namespace weir
