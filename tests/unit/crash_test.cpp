// crash_test.cpp - a simulated run that a bug ends says which one it was.
#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <barrier>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include <weir/simulation.h>

#include "src/base/sanitizers.h"

namespace {

using weir::Task;
using weir::simulation::World;

constexpr std::uint64_t bad_seed = 17;

/// Explores, on two threads, with a handler that calls `bug` in one of the runs.
void explore_until(void (*bug)()) {
  const auto scenario = [bug](World& world) -> Task<> {
    auto server = world.serve([bug, seed = world.seed()](weir::Connection& peer) -> Task<> {
      const weir::Chunk ask = co_await peer.receive();
      if (seed == bad_seed) bug();
    });
    weir::Client client = co_await world.connect(server);
    co_await client->send("?");
    co_await client->receive();
  };
  weir::simulation::explore({.seeds = 40,
                             .threads = 2,
                             .faults = weir::simulation::Faults::none(),
                             .command = "./mine --its-option"},
                            scenario);
}

const std::string its_seed =
    "seed 17 failed by it\nreplay it:  WEIR_SEED=17 ./mine --its-option\n";

void write_nowhere() {
  // Not null, which UndefinedBehaviorSanitizer would see; it ends a program in its own way.
  volatile int* volatile nowhere = reinterpret_cast<volatile int*>(16);
  *nowhere = 1;
}

// A sanitizer that meets it first ends the process otherwise than by a signal.
bool any_end(int) { return true; }

TEST(Crash, Names_its_seed_when_a_handler_writes_to_nowhere) {
  EXPECT_EXIT(explore_until(write_nowhere), any_end, its_seed);
}

// Never negative, which a compiler does not know.
volatile int depth = 0;

int endless() {
  volatile char room[1024] = {};
  depth = depth + 1;
  return depth < 0 ? room[0] : endless() + room[1];
}

TEST(Crash, Names_its_seed_when_a_handler_overflows_the_stack) {
  EXPECT_EXIT(explore_until([] { endless(); }), any_end, its_seed);
}

TEST(Crash, Names_its_seed_once_when_a_handler_aborts) {
  EXPECT_EXIT(explore_until([] { std::abort(); }), testing::KilledBySignal(SIGABRT),
              "^" + its_seed + "$");
}

TEST(Crash, Names_its_seed_when_an_exception_has_nowhere_to_go) {
  EXPECT_EXIT(explore_until([] { std::terminate(); }), testing::KilledBySignal(SIGABRT),
              its_seed);
}

TEST(Crash, Names_its_seed_when_memory_is_used_that_was_freed) {
  if (!weir::base::address_sanitizer) GTEST_SKIP() << "nobody notices without AddressSanitizer";
  const auto use_after_free = [] {
    auto mine = std::make_unique<int>(1);
    volatile int* volatile freed = mine.get();
    mine.reset();
    *freed = 2;
  };
  EXPECT_EXIT(explore_until(use_after_free), any_end, its_seed);
}

/// Both threads are in a handler that does not return, and somebody asks for the end.
void hang_until(int number) {
  std::barrier both(2);
  const auto scenario = [&](World& world) -> Task<> {
    auto server = world.serve([&, seed = world.seed()](weir::Connection& peer) -> Task<> {
      const weir::Chunk ask = co_await peer.receive();
      both.arrive_and_wait();
      if (seed == 1) ::kill(::getpid(), number);
      for (;;) ::pause();
    });
    weir::Client client = co_await world.connect(server);
    co_await client->send("?");
    co_await client->receive();
  };
  weir::simulation::explore(
      {.seeds = 2, .threads = 2, .faults = weir::simulation::Faults::none(), .command = "./mine"},
      scenario);
}

const std::string all_seeds =
    "^seed ([12]) was running\nreplay it:  WEIR_SEED=[12] ./mine\n"
    "seed ([12]) was running\nreplay it:  WEIR_SEED=[12] ./mine\n$";

TEST(Crash, Names_all_seeds_that_run_when_one_ends_a_program_that_hangs) {
  EXPECT_EXIT(hang_until(SIGQUIT), testing::KilledBySignal(SIGQUIT), all_seeds);
  EXPECT_EXIT(hang_until(SIGABRT), testing::KilledBySignal(SIGABRT), all_seeds);
}

TEST(Crash, Leaves_a_signal_ignored_that_is) {
  const auto quit_in_vain = [] {
    ::signal(SIGQUIT, SIG_IGN);
    explore_until([] { ::raise(SIGQUIT); });
    ::_exit(42);
  };
  EXPECT_EXIT(quit_in_vain(), testing::ExitedWithCode(42), "^$");
}

TEST(Crash, Leaves_the_signal_to_the_handler_that_the_program_has) {
  struct sigaction own{};
  // Not by _exit(), where ThreadSanitizer reports threads that have ended and were not joined yet.
  own.sa_handler = [](int) { ::kill(::getpid(), SIGKILL); };
  const auto abort_with_a_handler = [&own] {
    ::sigaction(SIGABRT, &own, nullptr);
    explore_until([] { std::abort(); });
  };
  EXPECT_EXIT(abort_with_a_handler(), testing::KilledBySignal(SIGKILL), its_seed);
}

TEST(Crash, Gives_the_signals_back) {
  struct sigaction before{};
  struct sigaction after{};
  ASSERT_EQ(::sigaction(SIGSEGV, nullptr, &before), 0);
  explore_until([] {});
  ASSERT_EQ(::sigaction(SIGSEGV, nullptr, &after), 0);
  EXPECT_EQ(after.sa_sigaction, before.sa_sigaction);
}

}  // namespace
