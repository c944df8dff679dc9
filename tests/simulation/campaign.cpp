#include "tests/simulation/campaign.h"

namespace simulation_tests {
namespace {

std::array<std::uint64_t, weir::simulation::fault_count>& sums() {
  static std::array<std::uint64_t, weir::simulation::fault_count> struck{};
  return struck;
}

}  // namespace

Report campaign(const Exploration& exploration, const Scenario& scenario) {
  try {
    const Report report = weir::simulation::explore(exploration, scenario);
    for (std::size_t i = 0; i < report.struck.size(); ++i) sums()[i] += report.struck[i];
    return report;
  } catch (const weir::simulation::Failure& failure) {
    ADD_FAILURE() << failure.what();
    return {};
  }
}

const std::array<std::uint64_t, weir::simulation::fault_count>& struck_so_far() { return sums(); }

Task<std::string> receive_bytes(Connection& peer, std::size_t count) {
  std::string got;
  while (got.size() < count) {
    const Chunk bytes = co_await peer.receive();
    if (!bytes) break;
    got += bytes.text();
  }
  co_return got;
}

Task<std::string> receive_all(Connection& peer) {
  std::string got;
  for (;;) {
    const Chunk bytes = co_await peer.receive();
    if (!bytes) break;
    got += bytes.text();
  }
  co_return got;
}

}  // namespace simulation_tests
