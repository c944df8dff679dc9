// hashes.cpp - what each scenario's runs were, as one number for some seeds at a time: the same
// on every machine, and however it was compiled.
//
// A limit of memory counts what the pools keep, so the first line says whether there are any.
//
// usage: simulation-hashes [SEEDS]
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/simulation/scenarios.h"

namespace {

using namespace simulation_tests;

constexpr std::uint64_t at_a_time = 25;

/// Of `at_a_time` seeds from this one on, each run with its whole trace.
std::uint64_t hash_of(const NamedScenario& scenario, std::uint64_t first) {
  weir::simulation::Exploration exploration;
  exploration.faults = Faults::hostile();
  std::uint64_t hash = 0;
  for (std::uint64_t seed = first; seed < first + at_a_time; ++seed) {
    const auto run = weir::simulation::run_once(seed, exploration, scenario.run);
    if (run.failed)
      std::fprintf(stderr, "seed %llu failed: %s\n", static_cast<unsigned long long>(seed),
                   run.what.c_str());
    hash = hash * 0x9e3779b97f4a7c15 + run.hash;
  }
  return hash;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100;
  std::printf("pools %d\n", WEIR_POOLS);
  for (const NamedScenario& scenario : scenarios()) {
    for (std::uint64_t first = 1; first <= seeds; first += at_a_time) {
      std::printf("%s %llu %016llx\n", scenario.name.data(),
                  static_cast<unsigned long long>(first),
                  static_cast<unsigned long long>(hash_of(scenario, first)));
    }
  }
  return 0;
}
