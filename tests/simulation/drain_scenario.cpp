// A stop in the middle of everything: sessions may end by themselves, then they are cut; nobody
// is forgotten, and it takes no longer than was said.
#include <memory>

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

/// Whether the server has room for one client only, so that a worker may serve nobody and yet hold
/// some who wait for room.
bool is_full(const World& world) { return world.seed() % 4 == 1; }

/// When the server was told to stop, and how long it may drain.
struct Stopped {
  std::chrono::nanoseconds at{-1};
  milliseconds drain{0};
};

// Says nothing, and stays until the server ends it: at once, however long it may drain.
// Unless it waits for room: then nobody knows yet whether it has something to ask.
Task<> idle(World& world, SimulatedServer server, std::shared_ptr<const Stopped> stopped) {
  try {
    const Client client = co_await world.connect(server);
    const bool early = stopped->at.count() < 0;
    co_await receive_all(*client);
    const bool excused = !world.intact() || world.struck(Fault::clock_leap) > 0 || is_full(world);
    const bool at_once = world.now() - stopped->at < std::chrono::seconds(4);
    world.check(excused || !early || at_once || stopped->drain < std::chrono::seconds(4),
                "who is idle ends when the stop begins");
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
  Serving serving = any_serving(world);
  if (is_full(world)) serving.options.connections_max = 1;
  SimulatedServer server = world.serve(echo, serving);
  const auto stopped = std::make_shared<Stopped>();
  for (std::uint64_t left = world.random(4); left > 0; --left) world.spawn(talk(world, server));
  for (std::uint64_t left = world.random(3); left > 0; --left) {
    world.spawn(idle(world, server, stopped));
  }
  for (std::uint64_t left = world.random(2); left > 0; --left) world.spawn(hold(world, server));
  // At once, too: a connection that is on its way to be accepted is nobody's, and must end.
  const std::uint64_t later = world.random(2'000'000);
  co_await weir::sleep_for(std::chrono::microseconds(later % 2 != 0 ? later : later % 2'000));
  const milliseconds drain(world.random(3) == 0 ? 0 : world.random(15'000));
  stopped->at = world.now();
  stopped->drain = drain;
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
