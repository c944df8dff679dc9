// simulate.cpp - `weir simulate`: a built-in handler against thousands of simulated networks.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/simulation.h>
#include <weir/time.h>
#include <weir/when.h>
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/handlers.h"
#include "cli/names.h"
#include "cli/system/terminal.h"

namespace weir::cli {
namespace {

using simulation::Exploration;
using simulation::Fault;
using simulation::Faults;
using simulation::World;

struct Wish {
  std::string handler;
  std::uint64_t seeds = 1000;
  std::uint64_t first = 1;
  std::string faults = "all";
  std::string model = "automatic";
  unsigned workers = 2;
  unsigned threads = 0;
  bool swarm = true;
  std::uint64_t replay = 0;
};

std::string fault_names() {
  std::string names;
  for (std::size_t i = 0; i < simulation::fault_count; ++i) {
    names += fmt::format("{}{}", i == 0 ? "" : ", ", simulation::name(static_cast<Fault>(i)));
  }
  return names;
}

Faults faults_named(const std::string& text) {
  if (text == "all") return Faults::hostile();
  if (text == "harmless") return Faults::harmless();
  if (text == "none") return Faults::none();
  const Faults usual = Faults::hostile();
  Faults chosen = Faults::none();
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string name = text.substr(at, end - at);
    at = end + 1;
    bool found = false;
    for (std::size_t i = 0; i < simulation::fault_count; ++i) {
      const auto fault = static_cast<Fault>(i);
      if (simulation::name(fault) != name) continue;
      chosen[fault] = usual[fault];
      found = true;
    }
    if (!found) {
      throw UsageError(
          fmt::format("unknown fault '{}'; there are all, harmless, none, or any of {}", name,
                      fault_names()));
    }
  }
  return chosen;
}

// --- the scenario: clients of all manners ----------------------------------------------------

Task<> send_some(World& world, Connection& peer, std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = 1 + world.random(text.size());
    co_await peer.send(text.substr(0, size));
    text.remove_prefix(size);
    co_await sleep_for(std::chrono::microseconds(world.random(20'000)));
  }
  if (world.random(4) != 0) co_await peer.finish();
}

// Until the end, or enough, or a while without anything.
Task<std::string> receive_some(World& world, Connection& peer) {
  const std::size_t enough = world.random(20'000);
  std::string got;
  try {
    while (got.size() < enough) {
      auto soon = within(std::chrono::seconds(10), peer.receive());
      const Chunk bytes = co_await std::move(soon);
      if (!bytes) break;
      got += bytes.text();
    }
  } catch (const IoError& error) {
    if (error.code() != std::errc::timed_out) throw;
  }
  co_return got;
}

Task<> visit(World& world, simulation::Server server, bool is_echo) {
  Client client = co_await world.connect(server);
  const std::string sent = world.text(world.random(5'000));
  auto both = when_all(send_some(world, *client, sent), receive_some(world, *client));
  const auto [done, got] = co_await std::move(both);
  world.check(!is_echo || sent.starts_with(got), "an echo gives back what was sent, in order");
  switch (world.random(8)) {
    case 0: client->reset(); break;
    case 1: world.vanish(*client); break;
    default: break;
  }
}

Task<> visits(World& world, const Wish& wish, Model model) {
  simulation::Serving serving;
  serving.options.workers = wish.workers;
  serving.options.worker_kind = WorkerKind::process;
  serving.model = model;
  const simulation::Server server = world.serve(handler_named(wish.handler)->handler, serving);
  const bool is_echo = wish.handler == "echo";
  for (std::uint64_t others = world.random(5); others > 0; --others) {
    world.spawn(visit(world, server, is_echo));
  }
  co_await visit(world, server, is_echo);
}

// --- the command -----------------------------------------------------------------------------

Exploration exploration_of(const Wish& wish) {
  Exploration exploration;
  exploration.seeds = wish.seeds;
  exploration.first_seed = wish.first;
  exploration.threads = wish.threads;
  exploration.faults = faults_named(wish.faults);
  exploration.swarm = wish.swarm;
  exploration.command =
      fmt::format("weir simulate {} --workers {} --model {} --faults {}{}", wish.handler,
                  wish.workers, wish.model, wish.faults, wish.swarm ? "" : " --no-swarm");
  return exploration;
}

int replay(const Wish& wish, const Exploration& exploration,
           const simulation::Scenario& scenario) {
  const simulation::Run run = simulation::run_once(wish.replay, exploration, scenario);
  for (const std::string& line : run.trace) fmt::print("{}\n", line);
  fmt::print("seed {}: {}; hash of the trace {:016x}\n", wish.replay,
             run.failed   ? "failed: " + run.what
             : run.broken ? "held; a fault ended it early"
                          : "held",
             run.hash);
  return run.failed ? 1 : 0;
}

void print_report(const simulation::Report& report) {
  const auto hours = std::chrono::duration_cast<std::chrono::duration<double, std::ratio<3600>>>(
      report.simulated);
  fmt::print(
      "{} seeds held: {} connections, {:.1f} hours of network time; {} runs ended early by "
      "a fault, {} were repeated and took the same course\n",
      report.seeds, report.connections, hours.count(), report.broken, report.repeated);
  fmt::print("\nFAULT             STRUCK\n");
  for (std::size_t i = 0; i < simulation::fault_count; ++i) {
    if (report.struck[i] == 0) continue;
    fmt::print("{:<16}  {:>6}\n", simulation::name(static_cast<Fault>(i)), report.struck[i]);
  }
}

int run(const Wish& wish) {
  if (handler_named(wish.handler) == nullptr) {
    throw UsageError(
        fmt::format("unknown handler '{}'; weir serve --help lists them", wish.handler));
  }
  const Model model = model_of(wish.model);
  if (!simulation::can_simulate(model)) {
    throw UsageError(
        fmt::format("model '{}' is not simulated; there are iterative, poll, epoll-lt, epoll-et, "
                    "io-uring, automatic",
                    wish.model));
  }
  Exploration exploration = exploration_of(wish);
  const simulation::Scenario scenario = [&](World& world) { return visits(world, wish, model); };
  if (wish.replay != 0) return replay(wish, exploration, scenario);
  if (stderr_is_terminal()) {
    exploration.progress = [&wish](std::uint64_t done) {
      fmt::print(stderr, "\r{} of {} seeds\x1b[K\r", done, wish.seeds);
    };
  }
  try {
    const simulation::Report report = simulation::explore(exploration, scenario);
    if (exploration.progress) fmt::print(stderr, "\x1b[K");
    print_report(report);
    return 0;
  } catch (const simulation::Failure& failure) {
    fmt::print("{}", failure.what());
    return 1;
  }
}

}  // namespace

void add_simulate(CLI::App& tool, int& exit_code) {
  const auto wish = std::make_shared<Wish>();
  CLI::App* command = tool.add_subcommand(
      "simulate", "Run a built-in handler against thousands of seeded networks, in virtual time");
  command->add_option("handler", wish->handler, "As for weir serve")->required();
  constexpr std::int64_t most = INT64_MAX;
  add_value(*command, "--seeds", "N", wish->seeds, number(1, most), "How many networks");
  add_value(*command, "--first", "SEED", wish->first, number(1, most), "The first seed");
  command
      ->add_option("--faults", wish->faults,
                   "all, harmless, none, or names with commas: " + fault_names())
      ->type_name("LIST")
      ->capture_default_str();
  command->add_flag("!--no-swarm", wish->swarm,
                    "All faults on every seed, instead of a random half of them");
  command
      ->add_option("--model", wish->model,
                   "iterative, poll, epoll-lt, epoll-et or io-uring; automatic: by the seed")
      ->type_name("MODEL")
      ->capture_default_str();
  add_value(*command, "--workers", "N", wish->workers, number(1, 64), "Workers of the server");
  add_value(*command, "--threads", "N", wish->threads, number(0, 1024),
            "Threads that explore; 0: one for each core");
  command->add_option("--replay", wish->replay, "Run this one seed and print its trace")
      ->check(number(1, most))
      ->type_name("SEED");
  command->callback([wish, &exit_code] { exit_code = run(*wish); });
}

}  // namespace weir::cli
