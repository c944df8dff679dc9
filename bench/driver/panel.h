// panel.h - takes turns: all entries of a cell are up at once, and each gets a short turn again and
// again, its reference at most `subjects_per_reference` turns before it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cell.h"
#include "statistics.h"

namespace bench {

struct Schedule {
  int rounds = 30;
  int subjects_per_reference = 3;  // Then the reference has another turn.
  // How often all processes of a panel are started, each time for a part of the rounds. Two
  // processes of one program differ by where their memory lies, for as long as they live.
  int generations = 5;
  int server_cpu = 0;
  int client_cpu = 1;
  std::uint64_t seed = 1;
  std::string server_log;  // Where the servers' stderr goes; empty: nowhere.
};

struct Figures {
  Entry entry;
  double cpu_us = 0;  // Medians over all turns, for information.
  double requests_per_second = 0;
  double p50_us = 0, p99_us = 0, p999_us = 0;  // Over the latencies of all turns.
};

struct ContestResult {
  Contest contest;
  // By generation, one a round; none of all turns' latencies.
  std::map<Metric, std::vector<std::vector<double>>> ratios;
  std::map<Metric, Estimate> estimates;
};

struct CellResult {
  Cell cell;
  double rate = 0;  // Open loop: the rate that was offered.
  std::vector<ContestResult> contests;
  std::map<Entry, Figures> figures;
};

/// Runs all contests of the cell. Throws when a subject fails.
CellResult run_cell(const Cell& cell, const Schedule& schedule);

}  // namespace bench
