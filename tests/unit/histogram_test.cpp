#include <weir/histogram.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

using weir::Histogram;

std::vector<std::int64_t> latencies(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> shape(11, 2);
  std::vector<std::int64_t> values(count);
  for (auto& value : values) value = static_cast<std::int64_t>(shape(random));
  return values;
}

TEST(Histogram, is_empty_at_first) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.at_percentile(99), 0);
  EXPECT_TRUE(histogram.buckets().empty());
}

TEST(Histogram, keeps_small_values_exactly) {
  Histogram histogram;
  for (std::int64_t value = 0; value < 2048; ++value) histogram.record(value);
  const auto buckets = histogram.buckets();
  ASSERT_EQ(buckets.size(), 2048u);
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    EXPECT_EQ(buckets[i].lowest, static_cast<std::int64_t>(i));
    EXPECT_EQ(buckets[i].highest, buckets[i].lowest);
    EXPECT_EQ(buckets[i].count, 1u);
  }
}

TEST(Histogram, keeps_every_value_to_three_figures) {
  for (std::int64_t value = 1; value < Histogram::default_greatest / 3; value = value * 3 + 1) {
    Histogram histogram;
    histogram.record(value);
    const auto bucket = histogram.buckets().at(0);
    EXPECT_LE(bucket.lowest, value);
    EXPECT_GE(bucket.highest, value);
    EXPECT_LE(static_cast<double>(bucket.highest - bucket.lowest),
              static_cast<double>(value) / 1000);
    EXPECT_EQ(histogram.at_percentile(50), value);  // It is the smallest and the largest.
  }
}

// As HdrHistogram with three figures has them: 2,048 single values, then parts of 2, 4, 8, ...
TEST(Histogram, is_laid_out_as_HdrHistogram) {
  Histogram histogram;
  for (const std::int64_t value : {2048, 4095, 4096, 1'000'000, 123'456'789}) {
    histogram.record(value);
  }
  const auto buckets = histogram.buckets();
  ASSERT_EQ(buckets.size(), 5u);
  EXPECT_EQ(buckets[0].highest - buckets[0].lowest, 1);
  EXPECT_EQ(buckets[1].lowest, 4094);
  EXPECT_EQ(buckets[2].highest - buckets[2].lowest, 3);
  EXPECT_EQ(buckets[3].lowest, 999'936);
  EXPECT_EQ(buckets[3].highest, 1'000'447);
  EXPECT_EQ(buckets[4].highest - buckets[4].lowest, 65'535);
}

TEST(Histogram, finds_the_percentiles_of_many_values) {
  auto values = latencies(100'000, 1);
  Histogram histogram;
  for (const auto value : values) histogram.record(value);
  std::ranges::sort(values);
  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = static_cast<std::size_t>(
        std::max(1.0, std::ceil(percent / 100 * static_cast<double>(values.size()) - 1e-6)));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.at_percentile(percent)), exact, 1 + exact / 1000)
        << percent;
  }
  EXPECT_EQ(histogram.min(), values.front());
  EXPECT_EQ(histogram.max(), values.back());
}

TEST(Histogram, takes_what_is_above_its_range_as_the_greatest) {
  Histogram histogram(1'000'000);
  histogram.record(5'000'000);
  histogram.record(-7);
  EXPECT_EQ(histogram.max(), 1'000'000);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.count(), 2u);
}

TEST(Histogram, added_up_is_as_recorded_in_one) {
  Histogram whole;
  Histogram parts[3];
  const auto values = latencies(30'000, 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    whole.record(values[i]);
    parts[i % 3].record(values[i]);
  }
  Histogram sum;
  for (const auto& part : parts) sum.add(part);
  EXPECT_EQ(sum.count(), whole.count());
  EXPECT_EQ(sum.min(), whole.min());
  EXPECT_EQ(sum.max(), whole.max());
  const auto one = whole.buckets();
  const auto other = sum.buckets();
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].lowest, other[i].lowest);
    EXPECT_EQ(one[i].count, other[i].count);
  }
}

TEST(Histogram, comes_back_from_its_buckets) {
  Histogram original;
  for (const auto value : latencies(5'000, 3)) original.record(value);
  Histogram copy;
  copy.restore(original.buckets(), original.min(), original.max());
  EXPECT_EQ(copy.count(), original.count());
  EXPECT_EQ(copy.min(), original.min());
  EXPECT_EQ(copy.max(), original.max());
  EXPECT_EQ(copy.at_percentile(99.9), original.at_percentile(99.9));
  EXPECT_DOUBLE_EQ(copy.mean(), original.mean());
}

}  // namespace
