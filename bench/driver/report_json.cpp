#include <sys/utsname.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "report.h"

namespace bench {
namespace {

nlohmann::json to_json(const Estimate& estimate) {
  nlohmann::json json = {{"median", estimate.median}, {"samples", estimate.samples}};
  if (estimate.has_interval()) {
    json["low"] = estimate.low;
    json["high"] = estimate.high;
  }
  return json;
}

nlohmann::json to_json(const ContestResult& contest) {
  nlohmann::json json = {{"subject", contest.contest.subject.label()},
                         {"reference", contest.contest.reference.label()}};
  for (const auto& [metric, estimate] : contest.estimates) {
    json["ratios"][name_of(metric)] = to_json(estimate);
    const auto rounds = contest.ratios.find(metric);
    if (rounds == contest.ratios.end()) continue;
    json["ratios"][name_of(metric)]["rounds"] = rounds->second;
  }
  return json;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

nlohmann::json to_json(const CellResult& result) {
  const Cell& cell = result.cell;
  nlohmann::json json = {{"name", cell.name},
                         {"title", cell.title},
                         {"message_size", cell.message_size},
                         {"connections", cell.connections},
                         {"depth", cell.depth},
                         {"turn_ms", cell.turn_ms},
                         {"more_rounds", cell.more_rounds},
                         {"offered_per_second", result.rate}};
  for (const ContestResult& contest : result.contests)
    json["contests"].push_back(to_json(contest));
  for (const auto& [entry, figures] : result.figures) {
    json["figures"][entry.label()] = {{"cpu_us", figures.cpu_us},
                                      {"requests_per_second", figures.requests_per_second},
                                      {"p50_us", figures.p50_us},
                                      {"p99_us", figures.p99_us},
                                      {"p999_us", figures.p999_us}};
  }
  return json;
}

nlohmann::json to_json(const std::vector<GoalResult>& goals) {
  nlohmann::json json = nlohmann::json::array();
  for (const GoalResult& result : goals) {
    nlohmann::json row = {{"goal", result.goal.title},
                          {"cells", result.goal.cells},
                          {"metric", name_of(result.goal.metric)},
                          {"limit", result.goal.limit},
                          {"at_least", result.goal.at_least},
                          {"verdict", name_of(result.verdict())}};
    if (result.value) row["value"] = to_json(*result.value);
    if (result.control) {
      row["control"] = to_json(result.control->estimate);
      row["control_cell"] = result.control->cell;
      row["within_noise"] = result.within_noise();
    }
    if (result.growth) row["growth"] = to_json(*result.growth);
    if (result.reference_growth) row["reference_growth"] = to_json(*result.reference_growth);
    if (!result.best_peer.empty()) {
      row["best_peer"] = result.best_peer;
      row["best_peer_ratio"] = result.peer_margin;
    }
    if (!result.peers_missing.empty()) row["peers_missing"] = result.peers_missing;
    json.push_back(std::move(row));
  }
  return json;
}

nlohmann::json describe_machine() {
  utsname system{};
  uname(&system);
  return {{"kernel", system.release},
          {"architecture", system.machine},
          {"cpu", cpu_model()},
          {"cpus", std::thread::hardware_concurrency()}};
}

}  // namespace bench
