#include "exact.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

namespace bench {
namespace {

struct Row {
  std::string subject;
  std::optional<Count> instructions, calls, allocations;
  std::optional<IdleMemory> idle;
};

/// What is asked of Weir; a peer or a bare loop is only shown.
struct ExactGoal {
  const char* subject;
  const char* what;
  double limit;
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

Row count(const Subject& subject, bool smoke) {
  Row row;
  row.subject = subject.name;
  row.allocations =
      attempt(subject, smoke, "allocations", [&] { return count_allocations(subject, smoke); });
  // How often a polling loop asks in vain is a matter of time, not of requests; and what a forked
  // child does for a request is what the iterative server does.
  if (!subject.works_when_idle && !subject.forks) {
    row.instructions = attempt(subject, smoke, "instructions",
                               [&] { return positive(count_instructions(subject, smoke)); });
  }
  if (subject.one_client) return row;
  if (!subject.works_when_idle) {
    row.calls = attempt(subject, smoke, "system calls",
                        [&] { return positive(count_system_calls(subject, smoke)); });
  }
  // select ends at FD_SETSIZE; the others are asked for more than that.
  if (!subject.name.ends_with(":select")) {
    row.idle =
        attempt(subject, smoke, "memory", [&] { return measure_idle_memory(subject, smoke); });
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
  return row.idle ? std::optional<double>(row.idle->user_bytes) : std::nullopt;
}

std::string cell(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

void print_header() {
  fmt::print(
      "\n64 B echo. Instructions: user space, 1 connection. System calls, allocations: 64.\n"
      "Memory: bytes an idle connection (10,000; fork and threads 1,000); the kernel's part "
      "is both ends, roughly.\n\n");
  fmt::print("{:<20} {:>13} {:>13} {:>12} {:>10} {:>12}\n", "subject", "instructions",
             "system calls", "allocations", "user B", "kernel B");
}

void print(const Row& row) {
  const auto kernel =
      row.idle ? std::optional<double>(row.idle->kernel_bytes) : std::optional<double>();
  fmt::print("{:<20} {:>13} {:>13} {:>12} {:>10} {:>12}{}\n", row.subject,
             cell(value(row, "instructions"), 1), cell(value(row, "system_calls"), 3),
             cell(value(row, "allocations"), 3), cell(value(row, "idle_bytes"), 0),
             cell(kernel, 0), row.calls && row.calls->source == "strace" ? "  (strace)" : "");
  std::fflush(stdout);
}

nlohmann::json to_json(const Row& row) {
  nlohmann::json json = {{"subject", row.subject}};
  for (const char* what : {"instructions", "system_calls", "allocations", "idle_bytes"}) {
    if (const auto found = value(row, what)) json[what] = *found;
  }
  if (row.calls) json["system_calls_source"] = row.calls->source;
  if (row.idle) {
    json["idle_connections"] = row.idle->connections;
    json["idle_kernel_bytes"] = row.idle->kernel_bytes;
  }
  return json;
}

nlohmann::json judge(const std::vector<Row>& rows) {
  nlohmann::json json = nlohmann::json::array();
  for (const ExactGoal& goal : goals) {
    for (const Row& row : rows) {
      const auto reached = value(row, goal.what);
      if (row.subject != goal.subject || !reached) continue;
      // An allocation in 20,000 requests is the C library's, not the request's.
      const bool met = *reached <= goal.limit + (goal.limit == 0 ? 0.0005 : 0);
      fmt::print("  {:<18} {:<14} at most {:>6}  {:>8}  {}\n", goal.subject, goal.what,
                 goal.limit, fmt::format("{:.3f}", *reached), met ? "met" : "MISSED");
      json.push_back({{"subject", goal.subject},
                      {"what", goal.what},
                      {"limit", goal.limit},
                      {"value", *reached},
                      {"met", met}});
    }
  }
  return json;
}

}  // namespace

nlohmann::json count_exactly(const std::vector<std::string>& subjects, bool smoke) {
  std::vector<Row> rows;
  print_header();
  nlohmann::json json;
  for (const Subject& subject : all_subjects()) {
    const bool wanted = subjects.empty() || std::any_of(subjects.begin(), subjects.end(),
                                                        [&](const std::string& name) {
                                                          return subject.name.starts_with(name);
                                                        });
    const bool variant = subject.name == "A/A" || subject.name.ends_with("+spin");
    if (!wanted || variant || subject.proxy || !is_built(subject)) continue;
    rows.push_back(count(subject, smoke));
    print(rows.back());
    json["rows"].push_back(to_json(rows.back()));
  }
  if (smoke) return json;
  fmt::print("\nGoals\n");
  json["goals"] = judge(rows);
  return json;
}

}  // namespace bench
