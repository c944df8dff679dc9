// The campaigns: each scenario on ten thousand networks, where everything goes wrong that can.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/simulation/limits.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

using weir::simulation::Exploration;
using weir::simulation::fault_count;
using weir::simulation::Report;

// How often each fault struck in this program.
std::array<std::uint64_t, fault_count> struck{};
std::uint64_t seeds_explored = 0;

Report explore_all(const NamedScenario& scenario, Exploration exploration) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  exploration.command = std::string("build/release/tests/simulation --gtest_filter=") +
                        test->test_suite_name() + "." + test->name();
  try {
    const Report report = weir::simulation::explore(exploration, scenario.run);
    for (std::size_t i = 0; i < fault_count; ++i) struck[i] += report.struck[i];
    seeds_explored += report.seeds;
    return report;
  } catch (const weir::simulation::Failure& failure) {
    ADD_FAILURE() << failure.what();
    return {};
  }
}

class Campaign : public testing::TestWithParam<NamedScenario> {};

TEST_P(Campaign, Holds_on_any_network) {
  explore_all(GetParam(), {.seeds = 10'000, .faults = Faults::hostile()});
}

TEST_P(Campaign, Is_never_broken_by_what_is_harmless) {
  const Report report = explore_all(GetParam(), {.seeds = 1'000, .faults = Faults::harmless()});
  if (GetParam().name != "closing") {  // Its clients break their connections themselves.
    EXPECT_EQ(report.broken, 0U);
  }
}

TEST_P(Campaign, Holds_on_a_perfect_network) {
  explore_all(GetParam(), {.seeds = 200, .faults = Faults::none(), .swarm = false});
}

INSTANTIATE_TEST_SUITE_P(Scenario, Campaign,
                         testing::ValuesIn(scenarios().begin(), scenarios().end()),
                         [](const auto& each) { return std::string(each.param.name); });

// What was found once is looked for always.
TEST(Seeds, That_found_a_bug_hold_now) {
  std::ifstream file(WEIR_SEEDS_FILE);
  ASSERT_TRUE(file) << WEIR_SEEDS_FILE;
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string name, faults;
    std::uint64_t seed = 0;
    ASSERT_TRUE(words >> name >> seed >> faults) << line;
    const auto scenario = std::ranges::find(scenarios(), name, &NamedScenario::name);
    ASSERT_NE(scenario, scenarios().end()) << line;
    Exploration exploration;
    exploration.swarm = faults != "none";
    exploration.faults = faults == "hostile"    ? Faults::hostile()
                         : faults == "harmless" ? Faults::harmless()
                                                : Faults::none();
    const auto run = weir::simulation::run_once(seed, exploration, scenario->run);
    EXPECT_FALSE(run.failed) << line << '\n' << run.what;
    ++count;
  }
  EXPECT_GT(count, 0U);
}

// When all is done: a fault that never struck was not tested.
class EveryFault : public testing::Environment {
 public:
  void TearDown() override {
    if (seeds_explored < 5'000) return;  // A part of a campaign is not judged.
    for (std::size_t i = 0; i < fault_count; ++i) {
      const std::string name(weir::simulation::name(static_cast<Fault>(i)));
      std::printf("%-16s struck %10llu times\n", name.c_str(),
                  static_cast<unsigned long long>(struck[i]));
      EXPECT_GT(struck[i], 0U) << name << " never struck";
    }
  }
};

// The same for the limits of a server: one that nobody met was not tested.
class EveryLimit : public testing::Environment {
 public:
  void TearDown() override {
    if (limit_worlds() < 5'000) return;
    for (std::size_t i = 0; i < limit_count; ++i) {
      const auto limit = static_cast<Limit>(i);
      const std::string name(simulation_tests::name(limit));
      std::printf("limit %-13s met %9llu times\n", name.c_str(),
                  static_cast<unsigned long long>(times_reached(limit)));
      EXPECT_GT(times_reached(limit), 0U) << "nobody ever met the limit " << name;
    }
  }
};
const testing::Environment* const every_limit = testing::AddGlobalTestEnvironment(new EveryLimit);
const testing::Environment* const every_fault = testing::AddGlobalTestEnvironment(new EveryFault);

}  // namespace
}  // namespace simulation_tests
