#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>
#include <utility>

namespace bench {
namespace {

constexpr int draws = 1000;  // Of a bootstrap.

std::pair<double, double> middle_95_percent(std::vector<double> drawn) {
  std::sort(drawn.begin(), drawn.end());
  const auto last = static_cast<double>(drawn.size() - 1);
  return {drawn[static_cast<std::size_t>(0.025 * last)],
          drawn[static_cast<std::size_t>(std::ceil(0.975 * last))]};
}

}  // namespace

Estimate estimate(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const std::size_t count = samples.size();
  const std::size_t middle = count / 2;
  const double median = count % 2 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
  // The number of samples below the true median is binomial(count, 1/2).
  const double half = static_cast<double>(count) / 2;
  const double reach = 1.96 * std::sqrt(static_cast<double>(count)) / 2;
  const auto low = static_cast<std::size_t>(std::max(0.0, std::floor(half - reach)));
  const auto high = std::min(count - 1, static_cast<std::size_t>(std::ceil(half + reach)) - 1);
  return {median, samples[low], samples[high], count};
}

Estimate estimate_of_groups(const std::vector<std::vector<double>>& groups) {
  std::vector<double> all;
  for (const auto& group : groups) all.insert(all.end(), group.begin(), group.end());
  Estimate result = estimate(all);
  if (groups.size() < 2 || !result.has_interval()) return result;
  std::mt19937_64 random(1);  // The same interval for the same samples.
  const auto any_of = [&](std::size_t count) { return random() % count; };
  std::vector<double> medians;
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<double> drawn;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::vector<double>& group = groups[any_of(groups.size())];
      for (std::size_t j = 0; j < group.size(); ++j) drawn.push_back(group[any_of(group.size())]);
    }
    medians.push_back(estimate(std::move(drawn)).median);
  }
  std::tie(result.low, result.high) = middle_95_percent(std::move(medians));
  return result;
}

Estimate geometric_mean(const std::vector<Estimate>& ratios) {
  if (ratios.empty()) return {};
  double sum = 0, below = 0, above = 0;
  std::size_t samples = ratios[0].samples;
  for (const Estimate& ratio : ratios) {
    sum += std::log(ratio.median);
    below += std::pow(std::log(ratio.median / ratio.low), 2);
    above += std::pow(std::log(ratio.high / ratio.median), 2);
    samples = std::min(samples, ratio.samples);
  }
  const auto count = static_cast<double>(ratios.size());
  const double mean = sum / count;
  return {std::exp(mean), std::exp(mean - std::sqrt(below) / count),
          std::exp(mean + std::sqrt(above) / count), samples};
}

Estimate quotient(const Estimate& dividend, const Estimate& divisor) {
  const double ratio = dividend.median / divisor.median;
  const double below = std::hypot(std::log(dividend.median / dividend.low),
                                  std::log(divisor.high / divisor.median));
  const double above = std::hypot(std::log(dividend.high / dividend.median),
                                  std::log(divisor.median / divisor.low));
  return {ratio, ratio * std::exp(-below), ratio * std::exp(above),
          std::min(dividend.samples, divisor.samples)};
}

PooledLatencies::PooledLatencies(const std::vector<std::vector<std::uint32_t>>& turns) {
  for (std::size_t turn = 0; turn < turns.size(); ++turn) {
    sizes_.push_back(turns[turn].size());
    for (const std::uint32_t value : turns[turn]) {
      latencies_.push_back({value, static_cast<std::uint32_t>(turn)});
    }
  }
  std::sort(latencies_.begin(), latencies_.end(),
            [](const Latency& left, const Latency& right) { return left.value > right.value; });
}

double PooledLatencies::percentile(double part, const std::vector<int>& weights) const {
  double total = 0;
  for (std::size_t turn = 0; turn < sizes_.size(); ++turn) {
    total += static_cast<double>(sizes_[turn]) * weights[turn];
  }
  // From the longest down, since it is the high percentiles that are asked for.
  const double above = std::floor((1 - part) * total);
  double seen = 0;
  for (const Latency& latency : latencies_) {
    seen += weights[latency.turn];
    if (seen > above) return latency.value;
  }
  return 0;
}

double PooledLatencies::percentile(double part) const {
  return percentile(part, std::vector<int>(sizes_.size(), 1));
}

Estimate pooled_ratio(const PooledLatencies& subject, const PooledLatencies& reference,
                      double part) {
  const std::size_t turns = subject.turns();
  const double base = reference.percentile(part);
  if (turns == 0 || base <= 0) return {};
  std::mt19937_64 random(1);  // The same interval for the same latencies.
  std::uniform_int_distribution<std::size_t> any_turn(0, turns - 1);
  std::vector<double> ratios;
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<int> weights(turns, 0);
    for (std::size_t i = 0; i < turns; ++i) ++weights[any_turn(random)];
    const double drawn_base = reference.percentile(part, weights);
    if (drawn_base > 0) ratios.push_back(subject.percentile(part, weights) / drawn_base);
  }
  const auto [low, high] = middle_95_percent(std::move(ratios));
  return {subject.percentile(part) / base, low, high, turns};
}

}  // namespace bench
