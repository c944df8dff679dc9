// The last bytes are never lost; a peer that has finished is still answered.
#include <weir/time.h>
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

// The server sends and leaves, while the client still talks to it: so little that it need not
// wait for anybody to read it, because nobody does.
Task<> take_the_gift(World& world, std::size_t size, SimulatedServer server) {
  const Client client = co_await world.connect(server);
  if (world.random(2) == 0) co_await client->send(world.text(1 + world.random(4'000)));
  const std::string got = co_await receive_at_some_pace(world, *client);
  world.check(got.size() <= size, "no byte is sent twice");
  world.check(got.size() == size || !world.intact(), "a server that leaves has sent all");
}

Task<> speak_first(World& world, SimulatedServer server) {
  const Client client = co_await world.connect(server);
  const std::string sent = world.text(world.random(50'000));
  co_await send_in_pieces(world, *client, sent);
  const std::string got = co_await receive_all(*client);
  const std::string wanted(sent.rbegin(), sent.rend());
  world.check(got == wanted || !world.intact(), "who has finished is still answered");
}

// Clients of all manners: they reset, vanish, leave in the middle.
Task<> misbehave(World& world, SimulatedServer server) {
  Client client = co_await world.connect(server);
  co_await client->send(world.text(1 + world.random(2'000)));
  co_await weir::sleep_for(std::chrono::microseconds(world.random(100'000)));
  switch (world.random(4)) {
    case 0: client->reset(); break;
    case 1: world.vanish(*client); break;
    case 2: client.close(); break;
    default: co_await weir::sleep_for(std::chrono::seconds(2));
  }
}

}  // namespace

Task<> closing_scenario(World& world) {
  const std::size_t size = world.random(200'000);
  const auto giving = [size](Connection& peer) { return give_and_leave(peer, size); };
  const SimulatedServer giver = world.serve(giving, any_serving(world));
  const SimulatedServer reverser = world.serve(reverse_all, any_serving(world));
  for (std::uint64_t others = world.random(4); others > 0; --others) {
    world.spawn(misbehave(world, world.random(2) == 0 ? giver : reverser));
  }
  world.spawn(take_the_gift(world, size, giver));
  co_await speak_first(world, reverser);
}

}  // namespace simulation_tests
