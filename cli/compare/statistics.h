// statistics.h - what the samples of a comparison say, and what they do not allow to be said.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cli/compare/comparison.h"

namespace weir::cli {

struct Summary {
  double median = 0;
  double min = 0;
  double max = 0;
  bool known = false;
};
/// Of the values that are known (not negative).
Summary summary(std::vector<double> values);
Summary summary(const Row& row, Metric metric);

/// The row's figure divided by the reference's of the same repeat: what drifts in the machine
/// from one repeat to the next is in both.
Summary ratio(const Row& row, const Row& reference, Metric metric);

/// How far from 1 a ratio is when there is no difference: from the reference against itself.
/// At least `noise_floor`, because few repeats see little of the noise; unknown with only one.
struct Noise {
  double factor = 1;  ///< ratios from 1/factor to factor mean nothing
  bool known = false;
};
constexpr double noise_floor = 1.03;
Noise noise(const CellResult& cell, const Comparison& comparison, Metric metric);

/// Whether the difference shows in every repeat and is larger than the noise.
bool differs(const Summary& ratio, const Noise& noise);

/// Whether the generator was at its limit and the server was not.
bool generator_bound(const Row& row, const Comparison& comparison);

struct Point {
  double x = 0;
  double y = 0;
};
/// y = c * x^slope by least squares in logarithms. Requires: two different x, all above 0.
struct Fit {
  double slope = 0;
  double factor = 0;
  bool known = false;
};
Fit power_fit(std::span<const Point> points);

/// CPU a request against clients that are connected, for one subject: the cells that differ from
/// the first of them in idle clients only.
std::vector<Point> cpu_against_clients(const Comparison& comparison, std::size_t subject);
/// The cells of that picture.
std::vector<const CellResult*> idle_cells(const Comparison& comparison);

}  // namespace weir::cli
