#include "cli/compare/statistics.h"

#include <algorithm>
#include <cmath>

namespace weir::cli {

Summary summary(std::vector<double> values) {
  std::erase_if(values, [](double value) { return value < 0 || std::isnan(value); });
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back(), true};
}

Summary summary(const Row& row, Metric metric) {
  std::vector<double> values;
  for (const Sample& sample : row.samples) values.push_back(sample[metric]);
  return summary(std::move(values));
}

Summary ratio(const Row& row, const Row& reference, Metric metric) {
  std::vector<double> ratios;
  const std::size_t repeats = std::min(row.samples.size(), reference.samples.size());
  for (std::size_t i = 0; i < repeats; ++i) {
    const double above = row.samples[i][metric];
    const double below = reference.samples[i][metric];
    if (above >= 0 && below > 0) ratios.push_back(above / below);
  }
  return summary(std::move(ratios));
}

Noise noise(const CellResult& cell, const Comparison& comparison, Metric metric) {
  const std::size_t control = comparison.control();
  if (control >= cell.rows.size()) return {};
  const Summary same = ratio(cell.rows[control], cell.rows[comparison.reference], metric);
  if (!same.known || same.min <= 0 || cell.rows[control].samples.size() < 2) return {};
  return {std::max({noise_floor, same.max, 1 / same.min}), true};
}

bool differs(const Summary& ratio, const Noise& noise) {
  if (!ratio.known || !noise.known) return false;
  return ratio.min > noise.factor || ratio.max < 1 / noise.factor;
}

bool generator_bound(const Row& row, const Comparison& comparison) {
  constexpr double busy = 0.9;
  std::vector<double> generator;
  std::vector<double> server;
  for (const Sample& sample : row.samples) {
    generator.push_back(sample.generator_busy);
    server.push_back(sample.server_busy);
  }
  const auto cpus = static_cast<double>(std::max<std::size_t>(comparison.server_cpus.size(), 1));
  return summary(std::move(generator)).median > busy &&
         summary(std::move(server)).median < busy * cpus;
}

Fit power_fit(std::span<const Point> points) {
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0, count = 0;
  for (const auto [x, y] : points) {
    if (x <= 0 || y <= 0) continue;
    const double lx = std::log(x), ly = std::log(y);
    sum_x += lx;
    sum_y += ly;
    sum_xx += lx * lx;
    sum_xy += lx * ly;
    ++count;
  }
  const double spread = count * sum_xx - sum_x * sum_x;
  if (count < 2 || spread <= 1e-12) return {};
  const double slope = (count * sum_xy - sum_x * sum_y) / spread;
  return {slope, std::exp((sum_y - slope * sum_x) / count), true};
}

std::vector<const CellResult*> idle_cells(const Comparison& comparison) {
  const auto idles = [](const CellResult& each) { return each.cell.idle > 0; };
  const auto first = std::ranges::find_if(comparison.cells, idles);
  if (first == comparison.cells.end()) return {};
  std::vector<const CellResult*> cells;
  for (const CellResult& each : comparison.cells) {
    Cell without = each.cell;
    without.idle = first->cell.idle;
    if (without == first->cell) cells.push_back(&each);
  }
  std::ranges::sort(cells, {}, [](const CellResult* each) { return each->cell.idle; });
  return cells;
}

std::vector<Point> cpu_against_clients(const Comparison& comparison, std::size_t subject) {
  std::vector<Point> points;
  for (const CellResult* each : idle_cells(comparison)) {
    const Summary cpu = summary(each->rows[subject], Metric::cpu_us);
    if (!cpu.known) continue;
    points.push_back({static_cast<double>(each->cell.connections) + each->cell.idle, cpu.median});
  }
  return points;
}

}  // namespace weir::cli
