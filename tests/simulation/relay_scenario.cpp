// Messages from one connection to another, through a channel, between workers: none is lost.
#include <weir/reader.h>
#include <weir/time.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

using Messages = weir::Channel<std::string>;

Task<> relay(Connection& peer, Messages& messages) {
  weir::Reader reader(peer);
  const auto role = co_await reader.until("\n", 100);
  if (role && *role == "tell") {
    while (auto line = co_await reader.until("\n", 1'000)) {
      co_await messages.send(std::string(*line));
    }
    messages.close();
  } else {
    while (auto message = co_await messages.receive()) co_await peer.send(*message, "\n");
  }
}

Task<> tell(SimulatedServer server, World& world, std::string all) {
  const Client client = co_await world.connect(server);
  co_await client->send("tell\n");
  co_await send_in_pieces(world, *client, all);
  co_await receive_all(*client);
}

}  // namespace

Task<> relay_scenario(World& world) {
  const auto messages = std::make_shared<Messages>(1 + world.random(4));
  // Threads, because a channel joins no processes.
  Serving serving = any_serving(world);
  serving.options.worker_kind = weir::WorkerKind::thread;
  const auto handler = [messages](Connection& peer) { return relay(peer, *messages); };
  const SimulatedServer server = world.serve(handler, serving);
  std::string all;
  for (std::uint64_t left = world.random(50); left > 0; --left) {
    all += world.text(world.random(30)) + "\n";
  }
  const Client client = co_await world.connect(server);
  co_await client->send("hear\n");
  world.spawn(tell(server, world, all));
  // Whoever tells may break; then nobody closes the channel.
  std::string got;
  try {
    auto heard = weir::within(std::chrono::hours(5), receive_all(*client));
    got = co_await std::move(heard);
  } catch (const weir::IoError& error) {
    if (error.code() != std::errc::timed_out || world.intact()) throw;
  }
  world.check(got == all || !world.intact(), "each message arrives, in order");
  messages->close();
}

}  // namespace simulation_tests
