#include "statistics.h"

#include <algorithm>
#include <cmath>

namespace bench {

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

double percentile(std::vector<std::uint32_t>& values, double part) {
  if (values.empty()) return 0;
  const auto last = static_cast<double>(values.size() - 1);
  const auto rank = static_cast<std::ptrdiff_t>(std::llround(part * last));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

}  // namespace bench
