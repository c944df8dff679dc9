#include "tests/simulation/limits.h"

#include <atomic>
#include <memory>
#include <utility>

#include <weir/channel.h>

namespace simulation_tests {
namespace {

constexpr std::array<std::string_view, limit_count> names{
    "full-pause",  "full-reject",  "descriptors",   "per-address", "networks",
    "memory-wait", "memory-pause", "memory-reject", "first-byte",  "proxy-header",
    "idle",        "receive",      "send",          "connection",  "linger"};
std::array<std::atomic<std::uint64_t>, limit_count> reached{};
std::atomic<std::uint64_t> worlds{0};

using Ends = weir::Channel<bool>;

Task<> run_and_say(Task<> task, std::shared_ptr<Ends> ends) {
  co_await std::move(task);
  co_await ends->send(true);
}

}  // namespace

std::string_view name(Limit limit) noexcept { return names[static_cast<std::size_t>(limit)]; }

void count_limit(Limit limit, std::uint64_t times) noexcept {
  reached[static_cast<std::size_t>(limit)] += times;
}
std::uint64_t times_reached(Limit limit) noexcept {
  return reached[static_cast<std::size_t>(limit)];
}
std::uint64_t limit_worlds() noexcept { return worlds; }

Task<bool> ask(World& world, Connection& client, bool may_be_refused) {
  const std::string sent = world.text(1 + world.random(2'000));
  std::string got;
  try {
    co_await client.send(sent);
    got = co_await receive_bytes(client, sent.size());
  } catch (const weir::IoError&) {
    // Who is closed with his words unread sees a reset.
    if (!may_be_refused) throw;
  }
  world.check(got.empty() || got == sent || !world.intact(), "who is served is served well");
  world.check(got == sent || may_be_refused || !world.intact(), "whoever waited is served");
  co_return got == sent;
}

Task<> all_of(World& world, std::vector<Task<>> tasks) {
  const auto ends = std::make_shared<Ends>(tasks.size());
  for (Task<>& task : tasks) world.spawn(run_and_say(std::move(task), ends));
  for (std::size_t left = tasks.size(); left > 0; --left) co_await ends->receive();
}

void switch_deadlines_off(weir::Options& options) noexcept {
  options.first_byte = options.idle = options.receive = options.send = options.connection = {};
}

// One limit a world, so that what must come of it can be said exactly.
Task<> limit_scenario(World& world) {
  ++worlds;
  switch (world.random(16)) {
    case 0: return memory_scenario(world);
    case 1:
    case 2: return address_scenario(world);
    case 3:
    case 4: return network_scenario(world);
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10: return timeout_scenario(world);
    default: return crowd_scenario(world);
  }
}

}  // namespace simulation_tests
