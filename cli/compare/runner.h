// runner.h - runs a comparison: correctness first, then every cell, models interleaved.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/compare/comparison.h"
#include "cli/compare/trial.h"

namespace weir::cli {

struct RunnerOptions {
  unsigned repeats = 5;
  std::uint64_t seed = 1;
  /// No further repeat begins when so many seconds have passed; 0: all of them.
  unsigned budget_s = 0;
  /// Told what is being done, with how many runs are done of how many.
  std::function<void(const std::string& what, std::size_t done, std::size_t all)> progress;
};

/// Fills in the checks and the cells' rows. `comparison` has its subjects and cells set.
void run_all(Comparison& comparison, Trials& trials, const Conditions& conditions,
             const RunnerOptions& options);

/// Each list has a base: the middle one of the connections, the least of the others. Every value
/// is measured with the others at their base, the idle ones with the fewest connections. Or every
/// combination. Requires: no list is empty.
struct Lists {
  std::vector<unsigned> connections;
  std::vector<unsigned> idle;
  std::vector<std::size_t> message;
  std::vector<unsigned> pipeline;
};
std::vector<Cell> star_of(const Lists& lists);
std::vector<Cell> product_of(const Lists& lists);

}  // namespace weir::cli
