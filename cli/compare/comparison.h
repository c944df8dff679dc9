// comparison.h - what a comparison measures and what it found: the data behind table, JSON and
// report.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weir/histogram.h>

namespace weir::cli {

/// The load of one row of a table.
struct Cell {
  unsigned connections = 64;
  unsigned idle = 0;
  std::size_t message = 64;
  unsigned pipeline = 1;

  bool operator==(const Cell&) const = default;
};
std::string describe(const Cell& cell);

/// A server that takes part.
struct Subject {
  std::string name;
  std::string model;                 ///< of weir; empty for a foreign server
  std::vector<std::string> command;  ///< foreign: with {port} where the port goes
  bool again = false;                ///< the reference a second time: A/A
};

enum class Metric : std::uint8_t {
  requests_per_s,
  cpu_us,  ///< a request, user and system
  user_us,
  system_us,
  p50_us,
  p99_us,
  p999_us,
  calls,     ///< system calls a request
  switches,  ///< context switches a request
  memory,    ///< resident bytes a connection
};
constexpr std::size_t metric_count = 10;
constexpr std::array<std::string_view, metric_count> metric_names{
    "requests_per_s", "cpu_us",  "user_us", "system_us", "p50_us",
    "p99_us",         "p999_us", "calls",   "switches",  "memory"};

/// One run. A figure that is not known is negative.
struct Sample {
  std::array<double, metric_count> figures{};
  std::uint64_t requests = 0;  ///< also those outside the measured time
  std::uint64_t errors = 0;
  std::string first_error;    ///< its kind
  double generator_busy = 0;  ///< share of its CPUs, 0 to 1
  double server_busy = 0;     ///< of one CPU; more than 1 with several
  Histogram latency;

  double operator[](Metric metric) const { return figures[static_cast<std::size_t>(metric)]; }
  double& operator[](Metric metric) { return figures[static_cast<std::size_t>(metric)]; }
};

/// All runs of one subject under one load.
struct Row {
  std::size_t subject = 0;
  std::string unavailable;  ///< why there are no samples; empty: there are
  std::vector<Sample> samples;
};

struct CellResult {
  Cell cell;
  std::vector<Row> rows;  ///< one for each subject, in their order
};

/// The correctness of a subject, looked at before its speed.
struct Check {
  bool right = false;
  std::string fault;          ///< what was wrong, or why it could not be tried
  std::uint64_t clients = 0;  ///< served in the whole comparison, with those of the check
  std::uint64_t requests = 0;
};

struct Comparison {
  std::vector<Subject> subjects;
  std::size_t reference = 0;  ///< whom the others are divided by
  std::vector<Check> checks;  ///< one for each subject
  std::vector<CellResult> cells;
  unsigned repeats = 0;  ///< completed by every cell
  double seconds = 0;    ///< of each run
  std::uint64_t seed = 0;
  std::vector<unsigned> server_cpus;
  std::vector<unsigned> load_cpus;
  std::vector<std::pair<std::string, std::string>> machine;
  std::vector<std::string> commands;  ///< of one cell, to run by hand
  std::vector<std::string> notes;
  std::string command;  ///< the comparison's own
  std::string date;

  /// The subject that is the reference's second entry; subjects.size(): none.
  std::size_t control() const noexcept;
};

}  // namespace weir::cli
