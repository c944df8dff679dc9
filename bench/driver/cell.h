// cell.h - what is measured: a cell is one load, with the contests held under it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// One participant: a subject, among so many connections that stay silent.
struct Entry {
  std::string subject;
  int idle = 0;

  std::string label() const;
  auto operator<=>(const Entry&) const = default;
};

/// `subject` is measured as a ratio to `reference`, whose turn was shortly before.
struct Contest {
  Entry subject;
  Entry reference;
};

enum class Load { closed_loop, open_loop, half_of_highest, churn };

struct Cell {
  std::string name;  // For --only, and in goals.
  std::string title;
  Load load = Load::closed_loop;
  std::size_t message_size = 64;
  int connections = 64;
  int depth = 1;    // Requests outstanding on each connection.
  double rate = 0;  // Open loop: requests a second.
  std::int64_t turn_ms = 50;
  int more_rounds = 1;  // So many times the schedule's: where each says little.
  std::vector<Contest> contests;
};

/// The percentiles are of all turns' latencies together, or of a turn's own: a stall of the machine
/// decides the former, and moves the latter little as long as few turns are struck.
enum class Metric { cpu, requests_per_second, p50, p99, p999, turn_p99, turn_p999 };

const char* name_of(Metric metric);

/// A row in the table of goals: the geometric mean over the cells named.
struct Goal {
  std::string title;
  std::vector<std::string> cells;
  Contest contest;
  Metric metric = Metric::cpu;
  double limit = 1;
  bool at_least = false;     // The ratio has to reach the limit instead of staying below.
  bool below_peers = false;  // Also: lower than every peer's in the same cells.
  // Growth against growth: what is held against the limit is the contest's ratio divided by that of
  // this one, in each cell.
  std::optional<Contest> divided_by = std::nullopt;
};

/// What people would use instead.
const std::vector<std::string>& peer_names();

std::vector<Cell> all_cells();
std::vector<Cell> smoke_cells();
std::vector<Goal> all_goals();

}  // namespace bench
