#include "cli/compare/comparison_json.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/compare/reading.h"
#include "cli/compare/statistics.h"

namespace weir::cli {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Summary& known) {
  if (!known.known) return nullptr;
  return {{"median", known.median}, {"min", known.min}, {"max", known.max}};
}

Json json_of(const Cell& cell) {
  return {{"connections", cell.connections},
          {"idle", cell.idle},
          {"message", cell.message},
          {"pipeline", cell.pipeline},
          {"text", describe(cell)}};
}

Json json_of(const Sample& sample) {
  Json figures = Json::object();
  for (std::size_t i = 0; i < metric_count; ++i) {
    const double value = sample.figures[i];
    figures[std::string(metric_names[i])] = value < 0 ? Json(nullptr) : Json(value);
  }
  figures["requests"] = sample.requests;
  figures["errors"] = sample.errors;
  if (sample.errors > 0) figures["first_error"] = sample.first_error;
  figures["generator_busy"] = sample.generator_busy;
  figures["server_busy"] = sample.server_busy;
  return figures;
}

// Latency by percentile, ever closer to 100 %: pairs of the share that is above, and us.
Json spectrum(const Row& row) {
  Histogram all;
  for (const Sample& sample : row.samples) all.add(sample.latency);
  auto points = Json::array();
  if (all.empty()) return points;
  const double least = 1 / static_cast<double>(all.count());
  for (double above = 1; above >= least; above /= 1.5) {
    const double us = static_cast<double>(all.at_percentile(100 * (1 - above))) / 1e3;
    points.push_back({above, us});
  }
  points.push_back({least, static_cast<double>(all.max()) / 1e3});
  return points;
}

Json json_of(const Row& row, const CellResult& cell, const Comparison& comparison) {
  Json result{{"subject", comparison.subjects[row.subject].name},
              {"unavailable", row.unavailable},
              {"generator_bound", generator_bound(row, comparison)}};
  Json figures = Json::object();
  Json ratios = Json::object();
  for (std::size_t i = 0; i < metric_count; ++i) {
    const auto metric = static_cast<Metric>(i);
    const std::string name(metric_names[i]);
    figures[name] = json_of(summary(row, metric));
    const Summary times = ratio(row, cell.rows[comparison.reference], metric);
    ratios[name] = json_of(times);
    if (times.known) {
      ratios[name]["differs"] = differs(times, noise(cell, comparison, metric));
    }
  }
  result["figures"] = std::move(figures);
  result["ratios"] = std::move(ratios);
  result["spectrum"] = spectrum(row);
  result["samples"] = Json::array();
  for (const Sample& sample : row.samples) result["samples"].push_back(json_of(sample));
  return result;
}

Json json_of(const CellResult& cell, const Comparison& comparison) {
  Json rows = Json::array();
  for (const Row& row : cell.rows) rows.push_back(json_of(row, cell, comparison));
  Json noises = Json::object();
  for (std::size_t i = 0; i < metric_count; ++i) {
    const Noise here = noise(cell, comparison, static_cast<Metric>(i));
    noises[std::string(metric_names[i])] = here.known ? Json(here.factor) : Json(nullptr);
  }
  return {{"cell", json_of(cell.cell)}, {"noise", std::move(noises)}, {"rows", std::move(rows)}};
}

Json json_of_subjects(const Comparison& comparison) {
  Json subjects = Json::array();
  for (std::size_t i = 0; i < comparison.subjects.size(); ++i) {
    const Subject& subject = comparison.subjects[i];
    const Check& check = comparison.checks[i];
    const Fit fit = power_fit(cpu_against_clients(comparison, i));
    Json slope = nullptr;
    if (fit.known) slope = {{"slope", fit.slope}, {"factor", fit.factor}};
    subjects.push_back({{"name", subject.name},
                        {"model", subject.model},
                        {"again", subject.again},
                        {"right", check.right},
                        {"verdict", verdict(comparison, i)},
                        {"clients", check.clients},
                        {"requests", check.requests},
                        {"idle_fit", std::move(slope)}});
  }
  return subjects;
}

}  // namespace

Json to_json(const Comparison& comparison) {
  Json cells = Json::array();
  for (const CellResult& cell : comparison.cells) cells.push_back(json_of(cell, comparison));
  Json idle = Json::array();
  for (const CellResult* cell : idle_cells(comparison)) {
    idle.push_back(cell - comparison.cells.data());
  }
  Json machine = Json::object();
  for (const auto& [name, value] : comparison.machine) machine[name] = value;
  return {{"form", "weir compare 1"},
          {"date", comparison.date},
          {"command", comparison.command},
          {"machine", std::move(machine)},
          {"server_cpus", comparison.server_cpus},
          {"load_cpus", comparison.load_cpus},
          {"repeats", comparison.repeats},
          {"seconds", comparison.seconds},
          {"seed", comparison.seed},
          {"commands", comparison.commands},
          {"notes", comparison.notes},
          {"reading", reading(comparison)},
          {"reference", comparison.subjects[comparison.reference].name},
          {"subjects", json_of_subjects(comparison)},
          {"idle_cells", std::move(idle)},
          {"cells", std::move(cells)}};
}

}  // namespace weir::cli
