// Every byte comes back, in order, once; through a server, and through a proxy before it.
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

Task<> converse(World& world, SimulatedServer server) {
  const Client client = co_await world.connect(server);
  const bool is_long = world.random(4) == 0;
  const std::string sent = world.text(world.random(is_long ? 300'000 : 300));
  auto both = weir::when_all(send_in_pieces(world, *client, sent), receive_all(*client));
  const auto [done, got] = co_await std::move(both);
  world.check(sent.starts_with(got), "what comes back is in order, each byte once");
  world.check(got == sent || !world.intact(), "every byte comes back");
}

}  // namespace

Task<> echo_scenario(World& world) {
  const SimulatedServer server = world.serve(echo, any_serving(world));
  for (std::uint64_t others = world.random(4); others > 0; --others) {
    world.spawn(converse(world, server));
  }
  co_await converse(world, server);
}

// Clients one after another and at once, on rings that wait for several before they wake.
Task<> batch_scenario(World& world) {
  Serving serving = any_serving(world);
  serving.model = weir::Model::io_uring;
  serving.options.batch_wait = std::chrono::microseconds(1 + world.random(10'000));
  const SimulatedServer server = world.serve(echo, serving);
  for (std::uint64_t others = 2 + world.random(12); others > 0; --others) {
    world.spawn(converse(world, server));
  }
  for (std::uint64_t left = 1 + world.random(3); left > 0; --left) {
    co_await converse(world, server);
  }
}

Task<> proxy_scenario(World& world) {
  // A slow client makes the proxy take nothing for a while, longer than a session lingers
  // ordinarily, and longer than the minute in which a send has to move (seed 153: a window of 16
  // bytes and a round trip of 33 ms); the server behind must bear with it.
  Serving patient = any_serving(world);
  patient.options.linger = std::chrono::minutes(10);
  patient.options.send = {};
  const SimulatedServer behind = world.serve(echo, patient);
  const weir::Endpoint upstream = behind.endpoint();
  const bool at_once = world.random(2) == 0;
  const auto handler = [=](Connection& client) { return proxy(client, upstream, at_once); };
  const SimulatedServer before = world.serve(handler, any_serving(world));
  for (std::uint64_t others = world.random(3); others > 0; --others) {
    world.spawn(converse(world, before));
  }
  for (std::uint64_t left = 1 + world.random(3); left > 0; --left) {
    co_await converse(world, before);
  }
}

}  // namespace simulation_tests
