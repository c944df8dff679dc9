// main.cpp - weir-demo: serves echo on each model in turn and drives it with real TCP clients.
//
//     weir-demo            every model
//     weir-demo poll fork  these
//
// The server is the tool `weir` beside this program, in a process of its own; the clients are
// plain sockets. Exit code: 0 only if every byte came back from every model that works here.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/demo/clients.h"
#include "cli/demo/server_process.h"
#include "cli/demo/table.h"

namespace weir::demo {
namespace {

using namespace std::chrono_literals;

constexpr unsigned small_clients = 64;
constexpr unsigned large_clients = 8;

struct Measurement {
  Outcome outcome;
  Totals totals;
};

Measurement measure(const std::string& tool, const std::string& model, Load load) {
  ServerProcess server(tool, model);
  server.wait_until_listening();
  load.port = server.port();
  const Outcome outcome = drive(load);
  return {outcome, server.stop()};
}

// What the clients saw, and whether the server's own account agrees with it. Empty: all is well.
std::string fault_of(const Measurement& measured, unsigned clients) {
  const auto& [outcome, totals] = measured;
  if (!outcome.fault.empty()) return outcome.fault;
  if (totals.accepted != clients || totals.closed != clients) {
    return fmt::format("{} clients, but the server counted {} accepted and {} closed", clients,
                       totals.accepted, totals.closed);
  }
  if (totals.bytes_received != outcome.bytes || totals.bytes_sent != outcome.bytes) {
    return fmt::format("{} bytes, but the server counted {} in and {} out", outcome.bytes,
                       totals.bytes_received, totals.bytes_sent);
  }
  return "";
}

// The figures are those of small requests; large ones of random sizes show only that the bytes
// are right when sends are partial and buffers full.
void run(const std::string& tool, Row& row) {
  const unsigned at_once = row.at_once ? small_clients : 1;
  const Load small{.clients = small_clients, .at_once = at_once, .duration = 1200ms};
  const Load large{.clients = large_clients,
                   .at_once = std::min(at_once, large_clients),
                   .duration = 1h,
                   .messages_each = 4,
                   .size = 1 << 20,
                   .random_sizes = true,
                   .seed = 2};
  const Measurement first = measure(tool, row.model, small);
  const Measurement second = measure(tool, row.model, large);

  const auto requests = static_cast<double>(std::max<std::uint64_t>(first.outcome.requests, 1));
  row.clients = first.outcome.served + second.outcome.served;
  row.requests = first.outcome.requests + second.outcome.requests;
  row.requests_per_s = requests / first.outcome.seconds;
  row.cpu_us = static_cast<double>(first.totals.cpu_us) / requests;
  row.calls = static_cast<double>(first.totals.calls) / requests;

  std::string fault = fault_of(first, small_clients);
  if (fault.empty()) fault = fault_of(second, large_clients);
  row.good = fault.empty();
  row.verdict = row.good ? "every byte came back" : "FAILED: " + fault;
}

Row row_for(const std::string& tool, const ModelHere& model) {
  Row row{.model = model.name, .at_once = model.name != "iterative"};
  row.available = model.available;
  if (!model.available) {
    row.verdict = "not available here: " + model.reason;
    return row;
  }
  try {
    run(tool, row);
  } catch (const ServerError& error) {
    row.verdict = fmt::format("FAILED: the server {}", error.what());
  }
  return row;
}

// The models named, or all; nothing if a name is unknown.
std::optional<std::vector<ModelHere>> chosen(std::vector<ModelHere> models,
                                             std::span<char* const> names) {
  if (names.empty()) return models;
  std::vector<ModelHere> picked;
  for (const std::string_view name : names) {
    const auto found = std::ranges::find(models, name, &ModelHere::name);
    if (found == models.end()) {
      fmt::print(stderr, "weir-demo: unknown model '{}' (see weir models)\n", name);
      return std::nullopt;
    }
    picked.push_back(*found);
  }
  return picked;
}

void print_introduction() {
  fmt::print(
      "One echo handler on each I/O model, and real TCP clients that check every byte.\n"
      "{} clients send 64 B at a time, one request in flight each: these are the figures.\n"
      "Then {} clients send up to 1 MiB at a time. On iterative, which serves one client\n"
      "to its end before the next, they come one after another.\n\n",
      small_clients, large_clients);
}

void print_next_steps(const std::string& tool) {
  fmt::print(
      "\nNext:\n"
      "  {0} serve echo --model epoll-et --listen 127.0.0.1:7000\n"
      "      serves until a signal comes; try it with: nc 127.0.0.1 7000\n"
      "  {0} models\n"
      "      tells what each model does, and whether it works here\n"
      "  docs/MODELS.md\n"
      "      tells how each one works, what it costs and when to use it\n",
      tool);
}

int demonstrate(std::span<char* const> names) {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string tool = self.parent_path() / "weir";
  const auto models = chosen(models_here(tool), names);
  if (!models) return 2;

  print_introduction();
  print_head();
  std::vector<Row> rows;
  for (const ModelHere& model : *models) {
    rows.push_back(row_for(tool, model));
    print_row(rows.back());
  }
  print_reading(rows);
  print_next_steps(std::filesystem::proximate(tool).string());
  const auto well = [](const Row& row) { return row.good || !row.available; };
  return std::ranges::all_of(rows, well) ? 0 : 1;
}

}  // namespace
}  // namespace weir::demo

int main(int argc, char** argv) {
  try {
    return weir::demo::demonstrate(
        std::span<char* const>(argv, static_cast<std::size_t>(argc)).subspan(1));
  } catch (const std::exception& error) {
    fmt::print(stderr, "weir-demo: {}\n", error.what());
    return 1;
  }
}
