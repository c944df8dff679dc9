// The deadlines of Options: who keeps a server waiting is ended, not before the time, and counted
// by the one that passed; who does not is served.
#include <memory>
#include <string>

#include <weir/time.h>
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/limits.h"

namespace simulation_tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A deadline, where it is set, where it is counted, and what a client says to run into it.
struct Deadline {
  Limit limit;
  milliseconds weir::Options::* option;
  std::uint64_t weir::Statistics::* counter;
  std::string_view says;
  /// Seen by the client: else it reads nothing meanwhile.
  bool is_seen;
};
constexpr Deadline deadlines[] = {
    {Limit::first_byte, &weir::Options::first_byte, &weir::Statistics::timed_out_first_byte, "",
     true},
    {Limit::proxy_header, &weir::Options::proxy_header, &weir::Statistics::timed_out_proxy, "",
     true},
    {Limit::idle, &weir::Options::idle, &weir::Statistics::timed_out_idle, "e", true},
    {Limit::receive, &weir::Options::receive, &weir::Statistics::timed_out_receive, "t", true},
    {Limit::send, &weir::Options::send, &weir::Statistics::timed_out_send, "f", false},
    {Limit::connection, &weir::Options::connection, &weir::Statistics::timed_out_connection,
     "again", true},
    {Limit::linger, &weir::Options::linger, &weir::Statistics::timed_out_linger, "g", false},
};

// --- the server ------------------------------------------------------------------------------

Task<> tick(Connection& peer) {
  for (;;) {
    co_await peer.send(".");
    co_await weir::sleep_for(seconds(1));
  }
}

// Not to be inlined: clang would need no frame of its own then (heap allocation elision), and where
// none is asked for the fault `memory` is not drawn. Each build is to take the same course.
[[gnu::noinline]] Task<> flood(Connection& peer) {
  const std::string text(2'000, 'f');
  for (int i = 0; i < 500; ++i) co_await peer.send(text);
}

/// Returns when the kernel takes no more, not only for a moment, and leaves some behind.
[[gnu::noinline]] Task<> leave_much(Connection& peer) {
  const std::string text(2'000, 'g');
  for (int i = 0; i < 400 && peer.outbox_size() < 20'000; ++i) {
    co_await peer.send(text);
    co_await weir::sleep_for(milliseconds(5));
  }
}

/// Does what the first letter says: tick, flood, give and leave, or echo.
Task<> do_as_told(Connection& peer) {
  Chunk bytes = co_await peer.receive();
  if (!bytes) co_return;
  const char what = bytes.text().front();
  if (what == 'f') co_return co_await flood(peer);
  if (what == 'g') co_return co_await leave_much(peer);
  if (what == 't') peer.spawn(tick(peer));
  while (bytes) {
    if (what != 't') co_await peer.send(bytes);
    bytes = co_await peer.receive();
  }
}

// --- its clients -----------------------------------------------------------------------------

/// Until the server ends the connection. Whether it did so by a reset.
Task<bool> read_to_end(Connection& client) {
  bool is_reset = false;
  try {
    co_await receive_all(client);
  } catch (const weir::IoError&) { is_reset = true; }
  co_return is_reset;
}

Task<> keep_busy(Connection& client) {
  try {
    for (;;) {
      co_await client.send("again");
      const std::string got = co_await receive_bytes(client, 5);
      if (got.size() < 5) co_return;
      co_await weir::sleep_for(milliseconds(300));
    }
  } catch (const weir::IoError&) {}
}

/// Asks, and asks again after the answer and a pause. Whether all were answered.
Task<bool> talk(Connection& client, std::uint64_t times, milliseconds pause) {
  for (; times > 0; --times) {
    co_await client.send("e");
    const std::string answer = co_await receive_bytes(client, 1);
    if (answer.empty()) co_return false;
    co_await weir::sleep_for(pause);
  }
  co_return true;
}

/// Few turns in much time, perhaps after many in a moment: then the server's clock is behind.
Task<bool> trickle(World& world, Connection& client, bool rushes_first) {
  if (rushes_first) {
    const bool goes_on = co_await talk(client, world.random(100), milliseconds(1));
    if (!goes_on) co_return false;
  }
  co_return co_await talk(client, world.random(15), milliseconds(200));
}

/// `is_in_turn`: the server may be with others first, who have that time each.
Task<> run_into(World& world, SimulatedServer server, const Deadline& deadline, seconds time,
                bool is_in_turn, bool rushes, std::shared_ptr<std::uint64_t> resets) {
  constexpr milliseconds on_the_way(500);
  const Client client = co_await world.connect(server);
  if (deadline.limit == Limit::idle) {
    const bool goes_on = co_await trickle(world, *client, rushes);
    if (!goes_on) co_return;
  }
  const auto began = world.now();
  if (!deadline.says.empty()) co_await client->send(deadline.says);
  if (!deadline.is_seen) co_await weir::sleep_for(6 * time);  // One after another.
  if (deadline.limit == Limit::connection) {
    co_await keep_busy(*client);
  } else {
    const bool is_reset = co_await read_to_end(*client);
    *resets += is_reset ? 1 : 0;
  }
  if (!world.intact() || !deadline.is_seen) co_return;
  const auto lasted = world.now() - began;
  world.check(lasted >= time, "a deadline is never early");
  if (is_in_turn) co_return;
  for (const Fault fault : {Fault::clock_leap, Fault::delay, Fault::stall}) {
    if (world.struck(fault) > 0) co_return;
  }
  // Who knows that he noted ticks late waits for longer.
  const seconds late(deadline.limit == Limit::connection || rushes ? 5
                     : deadline.limit == Limit::idle               ? 2
                                                                   : 1);
  world.check(lasted <= time + late + on_the_way, "nor late");
}

Task<> be_prompt(World& world, SimulatedServer server, bool is_introduced) {
  const Client client = co_await world.connect(server);
  if (is_introduced) co_await client->send("PROXY UNKNOWN\r\n");
  for (std::uint64_t left = 1 + world.random(4); left > 0; --left) {
    co_await client->send("e");
    const std::string got = co_await receive_bytes(*client, 1);
    world.check(got == "e" || !world.intact(), "who is prompt is answered");
    co_await weir::sleep_for(milliseconds(world.random(1'000)));
  }
}

}  // namespace

Task<> timeout_scenario(World& world) {
  const Deadline& deadline = deadlines[world.random(std::size(deadlines))];
  // A short deadline is nearer to what the server's clock may be behind after a rush.
  const bool rushes = deadline.limit == Limit::idle && world.random(2) == 0;
  const seconds time(rushes ? 3 + world.random(4) : 20 + world.random(40));
  Serving serving = any_serving(world);
  switch_deadlines_off(serving.options);
  serving.options.*deadline.option = time;
  const bool is_introduced = deadline.limit == Limit::proxy_header;
  if (is_introduced) {
    serving.options.proxy_from = {weir::Network::parse("10.0.0.0/8"),
                                  weir::Network::parse("unix:")};
  }
  constexpr weir::Model loops[] = {weir::Model::poll, weir::Model::epoll_lt,
                                   weir::Model::epoll_et, weir::Model::io_uring};
  const bool is_in_turn = world.random(8) == 0;
  serving.model = is_in_turn ? weir::Model::iterative : loops[world.random(std::size(loops))];
  const SimulatedServer server = world.serve(do_as_told, serving);
  std::vector<Task<>> clients;
  const std::uint64_t count = 1 + world.random(3);
  const auto resets = std::make_shared<std::uint64_t>(0);
  for (std::uint64_t left = count; left > 0; --left) {
    clients.push_back(run_into(world, server, deadline, time, is_in_turn, rushes, resets));
  }
  for (std::uint64_t left = world.random(3); left > 0; --left) {
    clients.push_back(be_prompt(world, server, is_introduced));
  }
  co_await all_of(world, std::move(clients));
  if (!world.intact()) co_return;
  const weir::Statistics seen = server.statistics();
  // The kernel may have taken the last bytes after all, and for good: that is no time-out.
  const std::uint64_t wanted = deadline.limit == Limit::linger ? *resets : count;
  world.check(
      seen.*deadline.counter == wanted && seen.timed_out <= wanted,
      "who runs into the deadline " + std::string(name(deadline.limit)) + " is counted by it");
  count_limit(deadline.limit, wanted);
}

}  // namespace simulation_tests
