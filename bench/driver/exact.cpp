#include "exact.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "choice.h"

namespace bench {
namespace {

struct Row {
  std::string subject;
  std::optional<Count> instructions, calls, allocations;
  std::optional<IdleMemory> idle;
  std::optional<IdleMemory> idle_again;  // Of a reference: how far two counts of one differ.
};

/// What is asked of Weir; a peer or a bare loop is only shown. With a reference, its count in the
/// same run is the limit.
struct ExactGoal {
  const char* subject;
  const char* what;
  double limit;
  const char* reference = nullptr;
};

constexpr ExactGoal goals[] = {
    {"weir:epoll-et", "instructions", 300},
    {"weir:epoll-lt", "instructions", 300},
    {"weir:epoll-et", "system_calls", 2.05},
    {"weir:io-uring", "system_calls", 0.06},
    {"weir:io-uring+batch", "system_calls", 0.06},
    {"weir:nonblocking", "allocations", 0},
    {"weir:select", "allocations", 0},
    {"weir:poll", "allocations", 0},
    {"weir:epoll-lt", "allocations", 0},
    {"weir:epoll-et", "allocations", 0},
    {"weir:io-uring", "allocations", 0},
    {"weir:epoll-et", "idle_bytes", 320},
    {"weir:io-uring", "idle_bytes", 320},
    {"weir:epoll-et", "idle_kernel_bytes", 0, "bare:epoll-et"},
    {"weir:io-uring", "idle_kernel_bytes", 0, "bare:io-uring"},
};

/// A count that cannot be taken is a gap in the table with a line that says why; a smoke run, which
/// asks whether everything works, ends with that line.
template <typename Function>
auto attempt(const Subject& subject, bool smoke, const char* what, Function function)
    -> std::optional<decltype(function())> {
  try {
    return function();
  } catch (const std::exception& error) {
    const std::string line = fmt::format("{}: no {}: {}", subject.name, what, error.what());
    if (smoke) throw std::runtime_error(line);
    fmt::print("  {}\n", line);
    return std::nullopt;
  }
}

/// Nobody echoes without an instruction or a system call.
Count positive(Count count) {
  if (count.per_request <= 0) throw std::runtime_error("none were counted by " + count.source);
  return count;
}

bool is_reference(const std::string& name) {
  return std::any_of(std::begin(goals), std::end(goals), [&](const ExactGoal& goal) {
    return goal.reference && goal.reference == name;
  });
}

Row count(const Subject& subject, const Counting& counting) {
  Row row;
  row.subject = subject.name;
  row.allocations = attempt(subject, counting.smoke, "allocations",
                            [&] { return count_allocations(subject, counting); });
  // How often a polling loop asks in vain is a matter of time, not of requests; and what a forked
  // child does for a request is what the iterative server does.
  if (!subject.works_when_idle && !subject.forks) {
    row.instructions = attempt(subject, counting.smoke, "instructions",
                               [&] { return positive(count_instructions(subject, counting)); });
  }
  if (subject.one_client) return row;
  if (!subject.works_when_idle) {
    row.calls = attempt(subject, counting.smoke, "system calls",
                        [&] { return positive(count_system_calls(subject, counting)); });
  }
  // select ends at FD_SETSIZE; the others are asked for more than that.
  if (!subject.name.ends_with(":select")) {
    const auto measure = [&] { return measure_idle_memory(subject, counting); };
    row.idle = attempt(subject, counting.smoke, "memory", measure);
    if (!counting.smoke && is_reference(subject.name)) {
      row.idle_again = attempt(subject, counting.smoke, "second count of memory", measure);
    }
  }
  return row;
}

std::optional<double> value(const Row& row, const std::string& what) {
  const auto of = [](const std::optional<Count>& count) {
    return count ? std::optional<double>(count->per_request) : std::nullopt;
  };
  if (what == "instructions") return of(row.instructions);
  if (what == "system_calls") return of(row.calls);
  if (what == "allocations") return of(row.allocations);
  if (!row.idle) return std::nullopt;
  return what == "idle_bytes" ? row.idle->user_bytes : row.idle->kernel_bytes;
}

std::string cell(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

void print_header() {
  fmt::print(
      "\n64 B echo. Instructions: user space, 1 connection. System calls, allocations: 64.\n"
      "Memory: bytes an idle connection (10,000; fork and threads 1,000). The kernel's part is "
      "how "
      "much all\nslabs of the machine grow: the socket, its file and its place in epoll or the "
      "ring, the client's\nend, and whatever else the machine does; not stacks, not page tables."
      "\n\n");
  fmt::print("{:<20} {:>13} {:>13} {:>12} {:>10} {:>12}\n", "subject", "instructions",
             "system calls", "allocations", "user B", "kernel B");
}

void print(const Row& row) {
  fmt::print("{:<20} {:>13} {:>13} {:>12} {:>10} {:>12}{}\n", row.subject,
             cell(value(row, "instructions"), 1), cell(value(row, "system_calls"), 3),
             cell(value(row, "allocations"), 3), cell(value(row, "idle_bytes"), 0),
             cell(value(row, "idle_kernel_bytes"), 0),
             row.calls && row.calls->source == "strace" ? "  (strace)" : "");
  std::fflush(stdout);
}

nlohmann::json to_json(const Row& row) {
  nlohmann::json json = {{"subject", row.subject}};
  for (const char* what :
       {"instructions", "system_calls", "allocations", "idle_bytes", "idle_kernel_bytes"}) {
    if (const auto found = value(row, what)) json[what] = *found;
  }
  if (row.calls) json["system_calls_source"] = row.calls->source;
  if (row.idle) json["idle_connections"] = row.idle->connections;
  if (row.idle_again) json["idle_kernel_bytes_again"] = row.idle_again->kernel_bytes;
  return json;
}

const Row* find(const std::vector<Row>& rows, const std::string& subject) {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& row) { return row.subject == subject; });
  return found == rows.end() ? nullptr : &*found;
}

/// A kernel's memory is counted for the whole machine: two counts of the reference say how well.
bool is_noise(const Row& reference, double difference) {
  if (!reference.idle || !reference.idle_again) return false;
  return std::abs(difference) <=
         std::abs(reference.idle_again->kernel_bytes - reference.idle->kernel_bytes);
}

nlohmann::json judge(const ExactGoal& goal, const Row& row, const Row* reference) {
  nlohmann::json json = {{"subject", goal.subject}, {"what", goal.what}};
  std::optional<double> limit = goal.limit;
  if (goal.reference) {
    limit = reference ? value(*reference, goal.what) : std::nullopt;
    json["reference"] = goal.reference;
  }
  const auto reached = value(row, goal.what);
  std::string verdict = "not measured";
  if (limit && reached) {
    verdict = *reached <= *limit ? "met" : "MISSED";
    json["limit"] = *limit;
    json["value"] = *reached;
  }
  json["verdict"] = verdict;
  if (goal.reference && limit && reached && is_noise(*reference, *reached - *limit)) {
    verdict += " (within the difference of two counts of " + std::string(goal.reference) + ")";
  }
  fmt::print("  {:<20} {:<18} at most {:>8}  {:>9}  {}\n", goal.subject, goal.what,
             limit ? fmt::format("{:g}", std::round(*limit * 100) / 100) : "-", cell(reached, 3),
             verdict);
  return json;
}

nlohmann::json judge(const std::vector<Row>& rows) {
  nlohmann::json json = nlohmann::json::array();
  for (const ExactGoal& goal : goals) {
    const Row* row = find(rows, goal.subject);
    if (!row) continue;
    const Row* reference = goal.reference ? find(rows, goal.reference) : nullptr;
    json.push_back(judge(goal, *row, reference));
  }
  return json;
}

}  // namespace

nlohmann::json count_exactly(const std::vector<std::string>& subjects, const Counting& counting) {
  std::vector<Row> rows;
  print_header();
  nlohmann::json json;
  for (const Subject& subject : all_subjects()) {
    const bool variant = subject.name == "A/A" || subject.name.ends_with("+spin");
    if (!contains(subjects, subject.name) || variant || subject.proxy || !is_built(subject))
      continue;
    rows.push_back(count(subject, counting));
    print(rows.back());
    json["rows"].push_back(to_json(rows.back()));
  }
  if (counting.smoke) return json;
  fmt::print("\nGoals\n");
  json["goals"] = judge(rows);
  return json;
}

}  // namespace bench
