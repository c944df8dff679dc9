#include "statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "instance.h"

namespace bench {
namespace {

using Turns = std::vector<std::vector<std::uint32_t>>;

/// So many turns of 1,000 latencies from 1 to 1,000 us.
Turns even_turns(std::size_t count) {
  std::vector<std::uint32_t> turn;
  for (std::uint32_t us = 1; us <= 1000; ++us) turn.push_back(us * 1000);
  return Turns(count, turn);
}

TEST(Estimate, HasNoIntervalFromFewerThanSixRounds) {
  EXPECT_FALSE(estimate({1, 2, 3, 4, 5}).has_interval());
  const Estimate six = estimate({1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(six.has_interval());
  EXPECT_EQ(six.low, 1);
  EXPECT_EQ(six.high, 6);
  EXPECT_FALSE(geometric_mean({six, estimate({1})}).has_interval());
}

TEST(Quotient, WidensTheIntervalByBoth) {
  const Estimate ratio = quotient({2, 1, 4, 30}, {2, 1, 4, 8});
  EXPECT_DOUBLE_EQ(ratio.median, 1);
  EXPECT_NEAR(ratio.high, std::exp(std::sqrt(2) * std::log(2)), 1e-9);
  EXPECT_NEAR(ratio.low, 1 / ratio.high, 1e-9);
  EXPECT_EQ(ratio.samples, 8U);
}

TEST(PooledLatencies, GiveThePercentilesOfAllTogether) {
  const PooledLatencies pooled(even_turns(30));
  EXPECT_NEAR(pooled.percentile(0.5), 500'000, 1000);
  EXPECT_NEAR(pooled.percentile(0.99), 990'000, 1000);
  EXPECT_NEAR(pooled.percentile(0.999), 999'000, 1000);
  EXPECT_EQ(PooledLatencies({}).percentile(0.99), 0);
}

// A turn that was stalled showed in no figure: the median of each turn's percentile hid it.
TEST(PooledLatencies, ShowAStallInOneTurnOfThirty) {
  Turns turns = even_turns(30);
  for (std::uint32_t& latency : turns[7]) latency += 100'000'000;
  const PooledLatencies stalled(turns), quiet(even_turns(30));
  EXPECT_GT(stalled.percentile(0.99), 100'000'000);
  EXPECT_LT(stalled.percentile(0.50), 1'000'000);
  const Estimate ratio = pooled_ratio(stalled, quiet, 0.99);
  EXPECT_GT(ratio.median, 100);
  EXPECT_LT(ratio.low, 2);  // It is one turn: drawn again, it may not be among them.
  EXPECT_GE(ratio.high, ratio.median);
  EXPECT_EQ(ratio.samples, 30U);
}

TEST(PooledRatio, OfTheSameIsOneWithoutDoubt) {
  const PooledLatencies one(even_turns(8)), other(even_turns(8));
  const Estimate ratio = pooled_ratio(one, other, 0.999);
  EXPECT_DOUBLE_EQ(ratio.median, 1);
  EXPECT_DOUBLE_EQ(ratio.low, 1);
  EXPECT_DOUBLE_EQ(ratio.high, 1);
}

TEST(PooledRatio, WithoutLatenciesIsNone) {
  EXPECT_EQ(pooled_ratio(PooledLatencies(Turns(3)), PooledLatencies(Turns(3)), 0.5).samples, 0U);
}

// As many samples as differ within a group say little when the groups differ more.
TEST(EstimateOfGroups, HasTheirSpreadInItsInterval) {
  std::vector<std::vector<double>> groups;
  for (const double middle : {0.85, 1.0, 1.0, 1.17, 1.17}) {
    groups.push_back(
        {middle - 0.01, middle - 0.005, middle, middle, middle + 0.005, middle + 0.01});
  }
  const Estimate spread = estimate_of_groups(groups);
  EXPECT_NEAR(spread.median, 1.0075, 0.01);
  EXPECT_LT(spread.low, 0.9);
  EXPECT_GT(spread.high, 1.16);
  EXPECT_EQ(spread.samples, 30U);
  const Estimate alike = estimate_of_groups(std::vector<std::vector<double>>(5, groups[1]));
  EXPECT_GE(alike.low, 0.99);
  EXPECT_LE(alike.high, 1.01);
}

TEST(EstimateOfGroups, OfOneIsThatOfItsSamples) {
  const std::vector<double> samples = {1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(estimate_of_groups(std::vector<std::vector<double>>{samples}).low,
            estimate(samples).low);
  EXPECT_FALSE(estimate_of_groups(std::vector<std::vector<double>>{{1, 2}, {3}}).has_interval());
}

// A stall that strikes one turn of two is seen where all latencies are together only.
TEST(Reading, HasThePercentilesOfItsOwnTurn) {
  Reading calm, stalled;
  calm.latencies_ns = even_turns(1)[0];
  stalled.latencies_ns = std::vector<std::uint32_t>(1000, 5'000'000);
  EXPECT_EQ(calm.value(Metric::turn_p99), 990'000);
  EXPECT_EQ(calm.value(Metric::turn_p999), 999'000);
  EXPECT_EQ(stalled.value(Metric::turn_p99), 5'000'000);
  EXPECT_EQ(PooledLatencies({calm.latencies_ns, stalled.latencies_ns}).percentile(0.99),
            5'000'000);
  EXPECT_EQ(Reading().value(Metric::turn_p99), 0) << "a closed loop has no latencies";
}

}  // namespace
}  // namespace bench
