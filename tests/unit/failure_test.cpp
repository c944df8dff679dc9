// failure_test.cpp - what is told of a simulated run that failed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <weir/channel.h>
#include <weir/simulation.h>

namespace {

using weir::Connection;
using weir::Task;
using weir::simulation::Exploration;
using weir::simulation::Faults;
using weir::simulation::Scenario;
using weir::simulation::World;

std::string told(const Exploration& exploration, const Scenario& scenario) {
  try {
    weir::simulation::explore(exploration, scenario);
  } catch (const weir::simulation::Failure& failure) { return failure.what(); }
  return "nothing failed";
}

/// Takes 3,000 lines of trace, fails, and leaves a connection whose end takes some more.
Task<> fails_in_the_middle(World& world) {
  auto server = world.serve([](Connection& peer) -> Task<> { co_await peer.receive(); });
  weir::Client client = co_await world.connect(server);
  for (int i = 0; i < 3'000; ++i) world.note("line " + std::to_string(i));
  world.check(false, "it is the middle");
}

bool begins_with(const std::string& text, const std::string& line) {
  return text.starts_with(line + "\n");
}

const Exploration once{.seeds = 1, .faults = Faults::none(), .command = "./mine"};

TEST(Failure, Shows_the_trace_up_to_the_check_that_failed) {
  const std::string text = told(once, fails_in_the_middle);
  const auto failed = text.find(" ms  failed: a check failed: it is the middle\n");
  ASSERT_NE(failed, std::string::npos) << text;
  EXPECT_NE(text.find(" ms  line 2999\n"), std::string::npos);
  EXPECT_EQ(text.find(" ms  line 2700\n"), std::string::npos);
  EXPECT_LE(std::count(text.begin() + static_cast<std::ptrdiff_t>(failed), text.end(), '\n'), 11);
  EXPECT_NE(text.find("\ntrace, lines 28"), std::string::npos) << text;
}

TEST(Failure, Shows_all_of_the_trace_that_is_asked_for) {
  ::setenv("WEIR_TRACE", "1", 1);
  const std::string text = told(once, fails_in_the_middle);
  ::unsetenv("WEIR_TRACE");
  EXPECT_NE(text.find("\ntrace:\n"), std::string::npos);
  EXPECT_NE(text.find(" ms  line 0\n"), std::string::npos);
}

TEST(Failure, Says_that_the_network_had_been_harmless) {
  const std::string text = told(once, fails_in_the_middle);
  EXPECT_TRUE(begins_with(
      text, "seed 1 failed: a check failed: it is the middle (the network had been harmless)"))
      << text;
}

TEST(Failure, Says_that_a_fault_had_struck) {
  const auto scenario = [](World& world) -> Task<> {
    auto server = world.serve([](Connection& peer) -> Task<> { co_await peer.receive(); });
    weir::Client client = co_await world.connect(server);
    world.vanish(*client);
    world.check(false, "it has gone");
  };
  EXPECT_TRUE(begins_with(told(once, scenario),
                          "seed 1 failed: a check failed: it has gone (a fault that breaks "
                          "connections had struck before)"))
      << told(once, scenario);
}

TEST(Failure, Names_those_who_wait_below_its_first_line) {
  const auto scenario = [](World&) -> Task<> {
    weir::Channel<int> nobody_sends(1);
    co_await nobody_sends.receive();
  };
  const std::string text = told(once, scenario);
  EXPECT_TRUE(
      text.starts_with("seed 1 failed: deadlock: nothing can happen any more (the network "
                       "had been harmless)\n  1 of the scenario's 1 tasks"))
      << text;
  EXPECT_EQ(text.find("\n\n"), std::string::npos) << "no empty line";
}

TEST(Failure, Keeps_to_one_line_whatever_the_text_of_a_check_has) {
  const auto scenario = [](World& world) -> Task<> {
    world.note("two\nlines");
    world.check(false, "got \"a\nb\x1b[0m\" \xe6\xb0\xb4");
    co_return;
  };
  const std::string text = told(once, scenario);
  EXPECT_TRUE(begins_with(text,
                          "seed 1 failed: a check failed: got \"a\\x0ab\\x1b[0m\" \xe6\xb0\xb4 "
                          "(the network had been harmless)"))
      << text;
  EXPECT_NE(text.find(" ms  two\\x0alines\n"), std::string::npos) << text;
}

TEST(Failure, Keeps_to_one_line_whatever_an_exception_says) {
  const auto scenario = [](World&) -> Task<> {
    throw std::runtime_error("one\ntwo");
    co_return;
  };
  EXPECT_TRUE(begins_with(
      told(once, scenario),
      "seed 1 failed: the scenario threw: one\\x0atwo (the network had been harmless)"))
      << told(once, scenario);
}

}  // namespace
