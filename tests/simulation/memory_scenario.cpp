// A limit of memory, and readers who take their time: nobody exceeds it, and all of it goes on.
#include <memory>

#include <weir/time.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/limits.h"

namespace simulation_tests {
namespace {

constexpr std::size_t piece = 3'000;  // Small enough to be copied.
constexpr std::size_t memory_max = 1024 * 1024;

Task<> give_many(Connection& peer, std::size_t count) {
  const std::string text(piece, 'm');
  const Chunk ignored = co_await peer.receive();
  for (std::size_t i = 0; i < count; ++i) co_await peer.send(text);
}

Task<> read_late(World& world, SimulatedServer server, std::size_t wanted, bool may_be_refused,
                 std::shared_ptr<std::uint64_t> refused) {
  co_await weir::sleep_for(std::chrono::milliseconds(world.random(8'000)));
  const Client client = co_await world.connect(server);
  std::size_t got = 0;
  try {
    co_await client->send("please");
    co_await weir::sleep_for(std::chrono::milliseconds(world.random(10'000)));
    for (;;) {
      const Chunk bytes = co_await client->receive();
      if (!bytes) break;
      got += bytes.size();
    }
  } catch (const weir::IoError&) {
    if (!may_be_refused) throw;
  }
  const bool is_refused = got == 0 && may_be_refused;
  world.check(got == wanted || is_refused || !world.intact(), "memory comes back, all goes on");
  *refused += is_refused ? 1 : 0;
}

}  // namespace

Task<> memory_scenario(World& world) {
  Serving serving = any_serving(world);
  serving.options.worker_kind = weir::WorkerKind::thread;
  serving.options.memory_max = memory_max;
  serving.options.outbox_high = 1024 * 1024;
  serving.options.outbox_low = 256 * 1024;
  const bool rejects = world.random(2) == 0;
  if (rejects) serving.options.overload = weir::Overload::reject;
  switch_deadlines_off(serving.options);
  serving.options.linger = std::chrono::minutes(10);
  const std::size_t count = 100 + world.random(150);
  const auto handler = [count](Connection& peer) { return give_many(peer, count); };
  const SimulatedServer server = world.serve(handler, serving);
  const auto refused = std::make_shared<std::uint64_t>(0);
  std::vector<Task<>> clients;
  for (std::uint64_t left = 4 + world.random(4); left > 0; --left) {
    clients.push_back(read_late(world, server, count * piece, rejects, refused));
  }
  co_await all_of(world, std::move(clients));
  const weir::Statistics seen = server.statistics();
  // Four buffers and the one that was being sent, each with what is kept beside its bytes.
  constexpr std::size_t beyond = std::size_t{5} * (4096 + 128);
  world.check(seen.buffer_bytes_peak <= memory_max + serving.options.workers * beyond,
              "the limit of memory holds over all workers");
  if (!world.intact()) co_return;
  world.check(
      seen.refused_memory + seen.refused_descriptors == *refused && seen.refused() == *refused,
      "who is refused for want of memory, or of descriptors, is counted as such");
  count_limit(Limit::memory_wait, seen.memory_waits);
  const bool is_scarce = seen.buffer_bytes_peak >= memory_max - memory_max / 16;
  if (rejects) count_limit(Limit::memory_reject, seen.refused_memory);
  else count_limit(Limit::memory_pause, is_scarce ? 1 : 0);
}

}  // namespace simulation_tests
