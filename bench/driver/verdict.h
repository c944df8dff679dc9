// verdict.h - what was measured, held against the goals.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "panel.h"

namespace bench {

enum class Verdict { met, missed, not_measured };

const char* name_of(Verdict verdict);

/// What the same program measured against itself says of a cell.
struct Control {
  std::string cell;
  Estimate estimate;
};

/// A goal and what was reached; no value where a cell or subject was not measured.
struct GoalResult {
  Goal goal;
  std::optional<Estimate> value;
  std::optional<Control> control;  // Of the goal's cells, the one where A/A is farthest from 1.
  std::optional<Estimate> growth, reference_growth;  // Where one is divided by the other.
  // Where the goal asks for it:
  std::string best_peer;                   // The peer with the lowest ratio,
  double peer_margin = 0;                  // how many times Weir's CPU a request that one uses,
  std::vector<std::string> peers_missing;  // and those without a figure in one of the cells.

  /// A goal that asks for less than every peer is met only if every peer was measured.
  Verdict verdict() const;
  /// Whether A/A is farther from 1 in one of the cells than the value from the limit.
  bool within_noise() const;
};

/// Only goals of which at least one cell was run. A goal with a cell missing has no value.
std::vector<GoalResult> judge(const std::vector<Goal>& goals,
                              const std::vector<CellResult>& results);

}  // namespace bench
