// explore.cpp - many seeds on many threads, and what is told of the first that fails.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <weir/simulation.h>

#include "base/assert.h"
#include "simulation/world.h"

namespace weir::simulation {
namespace {

using simulated::Outcome;
using simulated::WorldState;

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::uint64_t number = 0;
  const std::string_view view(text);
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), number);
  if (error != std::errc() || end != view.data() + view.size()) {
    throw StartError(fmt::format("{}: '{}' is not a number", variable, view));
  }
  return number;
}

/// The program as it was called, for the line that replays a seed.
std::string own_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::string command;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    const std::string word = all.substr(at, end - at);
    const bool plain = word.find_first_of(" *?'\"$&|;<>()") == std::string::npos;
    command += (command.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
    at = end + 1;
  }
  return command.empty() ? "the same program" : command;
}

const std::string& command_of(const Exploration& exploration) {
  static const std::string own = own_command();
  return exploration.command.empty() ? own : exploration.command;
}

std::string replay_line(std::uint64_t seed, const Exploration& exploration) {
  return fmt::format("WEIR_SEED={} {}", seed, command_of(exploration));
}

/// The trace up to the failure, and the little that follows at once; or all of it.
std::string trace_text(const Run& run) {
  constexpr std::size_t before = 200, behind = 10;
  const std::size_t size = run.trace.size();
  std::size_t from = 0, to = size;
  if (std::getenv("WEIR_TRACE") == nullptr && run.trace_to_failure != 0) {
    to = std::min(size, run.trace_to_failure + behind);
    from = run.trace_to_failure - std::min(run.trace_to_failure, before);
  }
  std::string text = "trace:\n";
  if (to - from < size) {
    text = fmt::format("trace, lines {} to {} of {} (WEIR_TRACE=1 shows all):\n", from + 1, to,
                       size);
  }
  for (std::size_t i = from; i < to; ++i) text += run.trace[i] + "\n";
  return text;
}

std::string failure_text(std::uint64_t seed, const Exploration& exploration, const Run& run) {
  // The first line says what and whether the network may have had a part in it; what follows, who
  // waits, say.
  std::string_view what = run.what;
  if (what.ends_with('\n')) what.remove_suffix(1);
  const std::size_t first = std::min(what.find('\n'), what.size());
  return fmt::format("seed {} failed: {} ({}){}\nreplay it:  {}\n{}", seed, what.substr(0, first),
                     run.intact ? "the network had been harmless"
                                : "a fault that breaks connections had struck before",
                     what.substr(first), replay_line(seed, exploration), trace_text(run));
}

// --- one seed --------------------------------------------------------------------------------

struct Seen {
  Outcome outcome;
  std::uint64_t hash = 0;
};

thread_local std::string assertion_text;
const char* assertion_context() noexcept { return assertion_text.c_str(); }

/// A seed that runs now, for a signal handler on whatever thread.
struct RunningSeed {
  std::atomic<bool> is_taken{false};
  std::atomic<bool> is_told{false};
  std::array<char, 512> text{};  // Its own for ever: whoever reads it late meets another seed's.
};
constinit std::array<RunningSeed, 256> running_seeds;  // Of more threads some are not told.

void tell_running_seeds() noexcept {
  for (const RunningSeed& each : running_seeds) {
    if (each.is_told) base::tell(each.text.data());
  }
}

/// Says which seed it was, if an assertion, a signal or a sanitizer ends the process.
class SeedInSight {
 public:
  SeedInSight(std::uint64_t seed, const Exploration& exploration)
      : before_(base::exchange_assertion_context(assertion_context)),
        place_(std::ranges::find_if(running_seeds,
                                    [](auto& each) { return !each.is_taken.exchange(true); })) {
    const std::string replay = "replay it:  " + replay_line(seed, exploration);
    assertion_text = fmt::format("seed {} failed by it\n{}", seed, replay);
    if (place_ == running_seeds.end()) return;
    const auto room = place_->text.size() - 1;
    *fmt::format_to_n(place_->text.data(), room, "seed {} was running\n{}", seed, replay).out =
        '\0';
    place_->is_told = true;
  }
  ~SeedInSight() {
    base::exchange_assertion_context(before_);
    if (place_ == running_seeds.end()) return;
    place_->is_told = false;
    place_->is_taken = false;
  }
  SeedInSight(const SeedInSight&) = delete;
  SeedInSight& operator=(const SeedInSight&) = delete;

 private:
  base::AssertionContext before_;
  decltype(running_seeds)::iterator place_;
};

Seen run_seed(std::uint64_t seed, const Exploration& exploration, const Scenario& scenario,
              Report& report) {
  const SeedInSight in_sight(seed, exploration);
  WorldState world(seed, exploration, false);
  Seen seen{world.run(scenario), 0};
  seen.hash = world.trace().hash();
  ++report.seeds;
  report.broken += seen.outcome.broken ? 1 : 0;
  report.connections += world.network().connections();
  report.simulated += std::chrono::nanoseconds(world.elapsed());
  for (std::size_t i = 0; i < fault_count; ++i) {
    report.struck[i] += world.network().struck(static_cast<Fault>(i));
  }
  return seen;
}

// --- many seeds ------------------------------------------------------------------------------

class Explorer {
 public:
  Explorer(const Exploration& exploration, const Scenario& scenario)
      : exploration_(exploration), scenario_(scenario), next_(exploration.first_seed) {
    const std::uint64_t count = number_from("WEIR_SEEDS").value_or(exploration.seeds);
    end_ = exploration.first_seed + count;
  }

  void run_alone(std::uint64_t seed) {
    next_ = seed;
    end_ = seed + 1;
    run_some();
  }

  void run_all() {
    unsigned count = exploration_.threads;
    if (count == 0) count = std::max(std::thread::hardware_concurrency(), 1u);
    std::vector<std::thread> threads;
    try {
      while (threads.size() + 1 < count) threads.emplace_back([this] { run_some(); });
    } catch (const std::system_error&) {
      // No more of them are to be had: those that there are do it all.
    }
    run_some();
    for (std::thread& thread : threads) thread.join();
  }

  Report finish() {
    if (!failed_seed_) return report_;
    Run again = run_once(*failed_seed_, exploration_, scenario_);
    if (!again.failed || again.hash != failed_hash_) {
      again.what = fmt::format(
          "{}\n(the replay took another course: something in the scenario "
          "is not drawn from the seed)",
          failed_what_);
    }
    throw Failure(*failed_seed_, failure_text(*failed_seed_, exploration_, again));
  }

 private:
  void run_some() {
    const auto stack = simulated::spare_stack();
    constexpr std::uint64_t every = 100;
    Report mine;
    for (;;) {
      const std::uint64_t seed = next_.fetch_add(1);
      if (seed >= end_) break;
      const Seen seen = run_seed(seed, exploration_, scenario_, mine);
      if (seen.outcome.failed) note_failure(seed, seen.outcome.what, seen.hash);
      if (!seen.outcome.failed && seed % every == 0) {
        Report unused;
        ++mine.repeated;
        const Seen again = run_seed(seed, exploration_, scenario_, unused);
        if (again.hash != seen.hash) {
          note_failure(seed, "two runs of this seed took different courses", seen.hash);
        }
      }
      const std::uint64_t done = done_.fetch_add(1) + 1;
      if (exploration_.progress && done % every == 0) exploration_.progress(done);
    }
    std::lock_guard lock(mutex_);
    add(mine);
  }

  void note_failure(std::uint64_t seed, const std::string& what, std::uint64_t hash) {
    std::lock_guard lock(mutex_);
    if (failed_seed_ && *failed_seed_ < seed) return;
    failed_seed_ = seed;
    failed_what_ = what;
    failed_hash_ = hash;
    next_ = end_.load();  // Those that run go on to their end; nobody starts another.
  }

  void add(const Report& part) {
    report_.seeds += part.seeds;
    report_.broken += part.broken;
    report_.repeated += part.repeated;
    report_.connections += part.connections;
    report_.simulated += part.simulated;
    for (std::size_t i = 0; i < fault_count; ++i) report_.struck[i] += part.struck[i];
  }

  const Exploration& exploration_;
  const Scenario& scenario_;
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> end_{0};
  std::atomic<std::uint64_t> done_{0};
  std::mutex mutex_;
  Report report_;
  std::optional<std::uint64_t> failed_seed_;
  std::string failed_what_;
  std::uint64_t failed_hash_ = 0;
};

}  // namespace

Report explore(const Exploration& exploration, const Scenario& scenario) {
  const auto watch = simulated::watch_crashes(tell_running_seeds);
  Explorer explorer(exploration, scenario);
  if (const auto seed = number_from("WEIR_SEED")) {
    explorer.run_alone(*seed);
  } else {
    explorer.run_all();
  }
  return explorer.finish();
}

Run run_once(std::uint64_t seed, const Exploration& exploration, const Scenario& scenario) {
  const auto watch = simulated::watch_crashes(tell_running_seeds);
  const auto stack = simulated::spare_stack();
  const SeedInSight in_sight(seed, exploration);
  WorldState world(seed, exploration, true);
  const Outcome outcome = world.run(scenario);
  return {outcome.failed,       outcome.broken,        outcome.what,
          world.trace().hash(), world.trace().lines(), world.trace().lines_to_failure(),
          outcome.intact};
}

}  // namespace weir::simulation
