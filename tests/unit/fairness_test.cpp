// fairness_test.cpp - several workers and one limit: nobody waits for ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include <weir/simulation.h>
#include <weir/time.h>

namespace {

using namespace std::chrono_literals;
using weir::Task;
using weir::simulation::World;

Task<> echo(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(std::move(bytes));
}

/// Comes again and again, stays for a moment, and notes the longest that it had to wait.
Task<> come_and_go(World& world, weir::simulation::Server server,
                   std::shared_ptr<std::chrono::nanoseconds> longest) {
  while (world.now() < 120s) {
    const auto came = world.now();
    weir::Client client = co_await world.connect(server);
    co_await client->send("x");
    co_await client->receive();
    *longest = std::max(*longest, world.now() - came);
    co_await weir::sleep_for(20ms);
  }
}

// One worker accepts a client while another takes the last place. That client is in no backlog any
// more, and whoever frees a place had the next one from there at once: it waited for as long as
// others came.
TEST(Fairness, Whoever_was_accepted_is_served_before_those_who_come_later) {
  const auto scenario = [](World& world) -> Task<> {
    weir::simulation::Serving serving;
    serving.options.workers = 2;
    serving.options.connections_max = 1;
    auto server = world.serve(echo, serving);
    const auto longest = std::make_shared<std::chrono::nanoseconds>(0);
    for (int i = 0; i < 4; ++i) world.spawn(come_and_go(world, server, longest));
    co_await come_and_go(world, server, longest);
    world.check(*longest < 20s, "nobody waits long: " + std::to_string(*longest / 1ms) + " ms");
  };
  weir::simulation::explore({.seeds = 40, .faults = weir::simulation::Faults::none()}, scenario);
}

}  // namespace
