// More clients than may be served at once, on every model that can: all are served in the end.
#include <weir/time.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

Task<> ask(World& world, SimulatedServer server) {
  co_await weir::sleep_for(std::chrono::microseconds(world.random(50'000)));
  const Client client = co_await world.connect(server);
  const std::string sent = world.text(1 + world.random(2'000));
  co_await client->send(sent);
  const std::string got = co_await receive_bytes(*client, sent.size());
  world.check(got == sent || !world.intact(), "whoever waited is served");
}

}  // namespace

Task<> limit_scenario(World& world) {
  Serving serving = any_serving(world);
  serving.options.worker_kind = weir::WorkerKind::thread;
  serving.options.connections_max = 1 + static_cast<unsigned>(world.random(3));
  serving.options.workers = 1 + static_cast<unsigned>(world.random(2));
  serving.options.backlog = 1 + static_cast<int>(world.random(20));
  if (world.random(4) == 0) serving.model = weir::Model::iterative;
  const SimulatedServer server = world.serve(echo, serving);
  for (std::uint64_t left = 1 + world.random(8); left > 0; --left) {
    world.spawn(ask(world, server));
  }
  co_await ask(world, server);
}

}  // namespace simulation_tests
