#include "tests/simulation/mutants/blind_scenario.h"

#include <string>

#include <weir/when.h>

#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

/// Answers each chunk with itself, in one of the ways in which a handler can send.
Task<> answer_somehow(World& world, Connection& peer) {
  const std::string large = world.text(4'096 + world.random(20'000));
  while (Chunk bytes = co_await peer.receive()) {
    switch (world.random(4)) {
      case 0: co_await peer.send(bytes); break;
      case 1: co_await peer.send(std::move(bytes)); break;
      case 2: co_await peer.send("it said: ", bytes, "\n"); break;
      default: co_await peer.send("it said something; "); co_await peer.send(large);
    }
  }
}

Task<> throw_away(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) {}
}

Task<> talk(World& world, SimulatedServer server) {
  const Client client = co_await world.connect(server);
  const std::string text = world.text(world.random(20'000));
  auto both = weir::when_all(send_in_pieces(world, *client, text), throw_away(*client));
  co_await std::move(both);
}

}  // namespace

Task<> blind_scenario(World& world) {
  const auto handler = [&world](Connection& peer) { return answer_somehow(world, peer); };
  const SimulatedServer server = world.serve(handler, any_serving(world));
  for (std::uint64_t others = world.random(3); others > 0; --others) {
    world.spawn(talk(world, server));
  }
  co_await talk(world, server);
}

}  // namespace simulation_tests
