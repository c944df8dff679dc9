// failure_test.cpp - what is told of a simulated run that failed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

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

}  // namespace
