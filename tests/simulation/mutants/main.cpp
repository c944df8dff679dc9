// main.cpp - proof that the campaigns find bugs: plants known ones, one by one, in the library
// that this program is linked with, and counts the seeds until each is found.
//
// Each runs in a child process, because some of them end it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "base/mutants.h"
#include "tests/simulation/mutants/blind_scenario.h"
#include "tests/simulation/scenarios.h"

namespace {

using simulation_tests::Faults;
using simulation_tests::World;
using weir::base::Mutant;

constexpr std::uint64_t seeds_max = 1000;

/// How it has to be found: by any of the campaigns; or by one that looks at no byte, so that only
/// the world itself can see it.
enum class By : std::uint8_t { campaigns, world };

struct Planted {
  Mutant mutant;
  const char* what;
  By by = By::campaigns;
};
constexpr Planted mutants[] = {
    {Mutant::none, "nothing planted: nothing may be found"},
    {Mutant::lost_edge, "a lost wake-up on the edge"},
    {Mutant::budget_parks, "a session starved after its budget"},
    {Mutant::connect_put_off, "a connect over budget taken for made"},
    {Mutant::not_asked_anew, "send_when_writable: no edge is asked for"},
    {Mutant::stale_event, "a stale event for a reused descriptor"},
    {Mutant::short_write_forgotten, "a send not continued after a short write"},
    {Mutant::deadline_not_cancelled, "a deadline not cancelled"},
    {Mutant::timer_not_set_again, "a timer that ends one sleep only"},
    {Mutant::dozes_too_long, "a worker that sleeps past a deadline"},
    {Mutant::late_ticks_forgotten, "ticks taken for exact that were noted late"},
    {Mutant::double_resume, "a double resume"},
    {Mutant::leaked_buffer, "a leaked buffer"},
    {Mutant::fin_before_flush, "FIN before flush"},
    {Mutant::no_linger, "close without lingering"},
    {Mutant::half_close_is_close, "half-close taken for close"},
    {Mutant::accept_not_rearmed, "accept not re-armed after EMFILE"},
    {Mutant::outbox_not_bounded, "outbox not bounded"},
    {Mutant::drain_forgets, "drain that forgets the idle"},
    {Mutant::cut_forgets, "drain that forgets a session at its deadline"},
    {Mutant::end_not_noticed, "drain that does not see that nobody is left"},
    {Mutant::wake_lost, "a message between workers that does not wake"},
    {Mutant::room_not_noticed, "a limit that stays reached"},
    {Mutant::freed_in_kernel, "io-uring: a socket freed under the kernel"},
    {Mutant::buffers_out_is_end, "io-uring: no buffer taken for the end"},
    {Mutant::stage_left_behind, "io-uring: a send before what came back unsent"},
    {Mutant::rest_forgotten, "what came with a PROXY header lost"},
    {Mutant::none, "nothing planted, nobody looks at the bytes", By::world},
    {Mutant::short_write_forgotten, "a send not continued, nobody looks", By::world},
    {Mutant::tail_sent_twice, "the tail of a send sent twice, nobody looks", By::world},
    {Mutant::staged_tail_lost, "the tail of a small send lost, nobody looks", By::world},
    {Mutant::stage_overtaken, "a large send before small ones, nobody looks", By::world},
};

/// Where the child is; in memory that it shares with the parent.
struct Place {
  std::atomic<std::uint64_t> seed{0};
  std::atomic<std::size_t> campaign{0};
  char why[200] = {};  // The first line of the failure; empty if the process ended by it.
};
Place* place = nullptr;

constexpr simulation_tests::NamedScenario blind[] = {
    {"a scenario without checks", simulation_tests::blind_scenario}};

std::span<const simulation_tests::NamedScenario> campaigns_for(By by) {
  if (by == By::world) return blind;
  return simulation_tests::scenarios();
}

// All campaigns in turns, some seeds of each at a time.
void explore_campaigns(By by) {
  constexpr std::uint64_t at_a_time = 50;
  const auto campaigns = campaigns_for(by);
  for (std::uint64_t first = 1; first <= seeds_max; first += at_a_time) {
    for (std::size_t i = 0; i < campaigns.size(); ++i) {
      place->campaign = i;
      alarm(60);  // A bug may go round for ever.
      weir::simulation::explore(
          {.seeds = at_a_time, .first_seed = first, .threads = 1, .faults = Faults::hostile()},
          [&](World& world) {
            place->seed = world.seed();
            return campaigns[i].run(world);
          });
    }
  }
}

[[noreturn]] void explore(const Planted& planted) {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, STDERR_FILENO);
  weir::base::planted_mutant = planted.mutant;
  try {
    explore_campaigns(planted.by);
  } catch (const weir::simulation::Failure& failure) {
    place->seed = failure.seed();
    const std::string_view text(failure.what());
    const std::string_view line = text.substr(0, text.find('\n'));
    line.copy(place->why, sizeof place->why - 1);
    _exit(1);
  } catch (...) { _exit(1); }
  _exit(0);
}

/// The seed that found it; 0: none did.
std::uint64_t seeds_to_find(const Planted& planted) {
  place->seed = 0;
  std::fill(std::begin(place->why), std::end(place->why), '\0');
  const pid_t child = fork();
  if (child == 0) explore(planted);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {}
  const bool held = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return held ? 0 : place->seed.load();
}

}  // namespace

int main(int argc, char** argv) {
  void* shared =
      mmap(nullptr, sizeof *place, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 2;
  place = new (shared) Place;
  unsetenv("WEIR_SEED");
  unsetenv("WEIR_SEEDS");
  const std::string only = argc > 1 ? argv[1] : "";
  unsigned missed = 0;
  for (const Planted& planted : mutants) {
    if (std::string(planted.what).find(only) == std::string::npos) continue;
    const std::uint64_t seed = seeds_to_find(planted);
    const bool as_it_should = (seed == 0) == (planted.mutant == Mutant::none);
    if (seed != 0) {
      const std::string campaign(campaigns_for(planted.by)[place->campaign].name);
      std::printf("%-46s found by seed %4llu of %s\n", planted.what,
                  static_cast<unsigned long long>(seed), campaign.c_str());
      if (planted.by == By::world) std::printf("%46s (%s)\n", "", place->why);
    } else {
      std::printf("%-46s not found by %llu seeds of each campaign\n", planted.what,
                  static_cast<unsigned long long>(seeds_max));
    }
    std::fflush(stdout);
    missed += as_it_should ? 0 : 1;
  }
  std::printf("%u of %zu not as it should be\n", missed, std::size(mutants));
  return missed == 0 ? 0 : 1;
}
