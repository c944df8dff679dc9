// A stop in the middle of everything: sessions may end by themselves, then they are cut; nobody
// is forgotten, and it takes no longer than was said.
#include <weir/time.h>
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

using std::chrono::milliseconds;

// A client may be cut, so whatever ends its connection is no failure here.
Task<> talk(World& world, SimulatedServer server) {
  const std::string sent = world.text(1 + world.random(20'000));
  try {
    const Client client = co_await world.connect(server);
    auto both = weir::when_all(send_in_pieces(world, *client, sent), receive_all(*client));
    const auto [done, got] = co_await std::move(both);
    world.check(sent.starts_with(got), "what comes back is in order, each byte once");
  } catch (const weir::IoError&) {}
}

// Says nothing, and stays until the server ends it.
Task<> idle(World& world, SimulatedServer server) {
  try {
    const Client client = co_await world.connect(server);
    co_await receive_all(*client);
  } catch (const weir::IoError&) {}
}

// Takes nothing of what it asked for.
Task<> hold(World& world, SimulatedServer server) {
  try {
    const Client client = co_await world.connect(server);
    co_await client->send(world.text(60'000));
    co_await weir::sleep_for(std::chrono::seconds(30));
  } catch (const weir::IoError&) {}
}

}  // namespace

Task<> drain_scenario(World& world) {
  SimulatedServer server = world.serve(echo, any_serving(world));
  for (std::uint64_t left = world.random(4); left > 0; --left) world.spawn(talk(world, server));
  for (std::uint64_t left = world.random(3); left > 0; --left) world.spawn(idle(world, server));
  for (std::uint64_t left = world.random(2); left > 0; --left) world.spawn(hold(world, server));
  co_await weir::sleep_for(std::chrono::microseconds(world.random(2'000'000)));
  const milliseconds drain(world.random(3) == 0 ? 0 : world.random(5'000));
  server.stop(drain);
  const auto began = world.now();
  while (!server.stopped()) {
    co_await weir::sleep_for(milliseconds(100));
    const bool in_time = world.now() - began < drain + milliseconds(1'500);
    world.check(in_time || world.struck(Fault::clock_leap) > 0, "a stop ends when it has to");
  }
  const weir::Statistics counted = server.statistics();
  world.check(counted.accepted == counted.closed || world.struck(Fault::worker_death) > 0,
              "a server that has stopped has closed what it accepted");
}

}  // namespace simulation_tests
