// Broadcast to many, some of whom read slowly: nobody waits for them, no outbox grows.
#include <weir/time.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

// It may come after the stop, or be cut by it: whatever ends its connection is no failure.
Task<> hear(World& world, SimulatedServer server, std::string said) {
  try {
    const Client client = co_await world.connect(server);
    const std::string got = co_await receive_at_some_pace(world, *client);
    // It may have come late, and was left behind if it was slow: what it heard is one piece.
    world.check(said.find(got) != std::string::npos, "lines are heard in order, each once");
  } catch (const weir::IoError&) {}
}

Task<> speak(World& world, SimulatedServer server, const std::vector<std::string>& lines) {
  const Client client = co_await world.connect(server);
  for (const std::string& line : lines) {
    co_await client->send(line);
    if (world.random(4) == 0) {
      co_await weir::sleep_for(std::chrono::milliseconds(world.random(50)));
    }
  }
  co_await client->finish();
  co_await receive_all(*client);
}

}  // namespace

Task<> broadcast_scenario(World& world) {
  const auto room = std::make_shared<Room>();
  Serving serving = any_serving(world);
  serving.options.worker_kind = weir::WorkerKind::thread;
  serving.options.outbox_high = chat_outbox_high;
  serving.options.outbox_low = chat_outbox_high / 4;
  const auto handler = [room, &world](Connection& peer) { return chat(peer, *room, world); };
  SimulatedServer server = world.serve(handler, serving);
  std::vector<std::string> lines;
  std::string said;
  for (std::uint64_t left = world.random(200); left > 0; --left) {
    lines.push_back(std::to_string(left) + " " + world.text(world.random(1'000)) + "\n");
    said += lines.back();
  }
  for (std::uint64_t left = 1 + world.random(5); left > 0; --left) {
    world.spawn(hear(world, server, said));
  }
  co_await speak(world, server, lines);
  co_await weir::sleep_for(std::chrono::seconds(world.random(20)));
  server.stop(std::chrono::seconds(1));
}

}  // namespace simulation_tests
