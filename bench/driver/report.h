// report.h - results as tables for the terminal and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "panel.h"

namespace bench {

void print(const CellResult& result);

/// A goal and what was reached; no value where a cell or subject was not measured.
struct GoalResult {
  Goal goal;
  std::optional<Estimate> value;
  std::string best_peer;   // Where the goal asks for it: the peer with the lowest ratio,
  double peer_margin = 0;  // and how many times Weir's CPU a request that one uses.

  bool met() const;
};

/// Only goals of which at least one cell was run. A goal with a cell missing has no value.
std::vector<GoalResult> judge(const std::vector<Goal>& goals,
                              const std::vector<CellResult>& results);
void print(const std::vector<GoalResult>& goals);

nlohmann::json to_json(const CellResult& result);
nlohmann::json to_json(const std::vector<GoalResult>& goals);
/// Kernel, CPU, and what is known of the machine that a figure needs beside it.
nlohmann::json describe_machine();

}  // namespace bench
