// Handlers that send on each other's connections, to several of them in one turn; some of those
// read slowly. (Without a channel: this is for one worker.)
#include <algorithm>

#include <weir/time.h>
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

using Crowd = std::vector<Connection*>;

class Membership {
 public:
  Membership(Crowd& crowd, Connection& peer) : crowd_(crowd), peer_(peer) {
    crowd_.push_back(&peer_);
  }
  ~Membership() { std::erase(crowd_, &peer_); }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

 private:
  Crowd& crowd_;
  Connection& peer_;
};

// Nothing is waited for between two members (sends of so few bytes, and of chunks, are done below
// the high-water mark), so the crowd stays as it is meanwhile. Of one that is broken its own
// handler hears.
Task<> tell_some(World& world, const Connection& peer, const Crowd& crowd, Chunk bytes) {
  const std::size_t first = world.random(crowd.size());
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    Connection& member = *crowd[(first + i) % crowd.size()];
    if (&member == &peer || world.random(2) == 0) continue;
    try {
      if (world.random(8) == 0 && bytes) {
        co_await member.send(std::move(bytes));
      } else {
        co_await member.send(world.text(world.random(1'000)));
      }
    } catch (const weir::IoError&) {}
  }
}

Task<> gossip(World& world, Connection& peer, Crowd& crowd) {
  constexpr std::chrono::milliseconds beat(10);
  const Membership membership(crowd, peer);
  while (Chunk bytes = co_await peer.receive()) {
    // Together with the others, so that many send in one turn.
    co_await weir::sleep_for(beat - world.now() % beat);
    for (std::uint64_t times = world.random(4); times > 0; --times) {
      co_await tell_some(world, peer, crowd, std::move(bytes));
    }
    if (world.random(16) == 0) co_await peer.send(world.text(world.random(20'000)));
  }
}

Task<> say(World& world, Connection& server) {
  for (std::uint64_t left = world.random(40); left > 0; --left) {
    co_await server.send(world.text(1 + world.random(600)));
    if (world.random(8) == 0) {
      co_await weir::sleep_for(std::chrono::milliseconds(world.random(50)));
    }
  }
  co_await weir::sleep_for(std::chrono::seconds(world.random(5)));
  co_await server.finish();
}

Task<> hear(World& world, Connection& server) {
  co_await weir::sleep_for(std::chrono::milliseconds(world.random(500)));
  co_await receive_at_some_pace(world, server);
}

// Hears while it talks: a handler that sends to it waits for that, and hears it afterwards.
Task<> talk(World& world, SimulatedServer server) {
  try {
    const Client client = co_await world.connect(server);
    co_await weir::when_all(say(world, *client), hear(world, *client));
  } catch (const weir::IoError&) {}
}

}  // namespace

// What has to hold is what every world watches: each stream has its bytes in their order.
Task<> gossip_scenario(World& world) {
  const auto crowd = std::make_shared<Crowd>();
  Serving serving;
  // The others send at once what they can; a ring has much under way.
  if (world.random(2) == 0) serving.model = weir::Model::io_uring;
  serving.options.outbox_high = 1U << 30;
  serving.options.outbox_low = 1U << 29;
  const auto handler = [crowd, &world](Connection& peer) { return gossip(world, peer, *crowd); };
  SimulatedServer server = world.serve(handler, serving);
  for (std::uint64_t others = 2 + world.random(8); others > 0; --others) {
    world.spawn(talk(world, server));
  }
  co_await talk(world, server);
  co_await weir::sleep_for(std::chrono::seconds(world.random(20)));
  server.stop(std::chrono::seconds(1));
}

}  // namespace simulation_tests
