#include "tests/simulation/scenarios.h"

#include <algorithm>
#include <array>

#include <weir/time.h>

namespace simulation_tests {
namespace {

constexpr std::array all{
    NamedScenario{"echo", echo_scenario},
    NamedScenario{"lines", line_scenario},
    NamedScenario{"closing", closing_scenario},
    NamedScenario{"proxy", proxy_scenario},
    NamedScenario{"broadcast", broadcast_scenario},
    NamedScenario{"deadlines", deadline_scenario},
    NamedScenario{"drain", drain_scenario},
    NamedScenario{"limits", limit_scenario},
    NamedScenario{"relay", relay_scenario},
    NamedScenario{"introduction", introduction_scenario},
    NamedScenario{"batches", batch_scenario},
    NamedScenario{"gossip", gossip_scenario},
};

}  // namespace

std::span<const NamedScenario> scenarios() noexcept { return all; }

Task<> any_scenario(World& world) { return all[world.seed() % all.size()].run(world); }

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

Task<std::string> receive_at_some_pace(World& world, Connection& peer) {
  const bool slowly = world.random(2) == 0;
  std::string got;
  for (;;) {
    if (slowly) co_await weir::sleep_for(std::chrono::milliseconds(world.random(200)));
    const Chunk bytes = co_await peer.receive();
    if (!bytes) break;
    got += bytes.text();
  }
  co_return got;
}

Task<> send_in_pieces(World& world, Connection& peer, std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = 1 + world.random(std::min<std::size_t>(text.size(), 20'000));
    co_await peer.send(text.substr(0, size));
    text.remove_prefix(size);
    if (world.random(4) == 0) {
      co_await weir::sleep_for(std::chrono::microseconds(world.random(5'000)));
    }
  }
  co_await peer.finish();
}

Serving any_serving(World& world) {
  Serving serving;
  serving.options.workers = 1 + static_cast<unsigned>(world.random(3));
  if (world.random(2) == 0) serving.options.worker_kind = weir::WorkerKind::process;
  return serving;
}

}  // namespace simulation_tests
