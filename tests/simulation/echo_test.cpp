// Echo: every byte comes back, in order, once; on any network.
#include <algorithm>

#include <weir/time.h>
#include <weir/when.h>

#include "tests/simulation/campaign.h"
#include "tests/simulation/handlers.h"

namespace simulation_tests {
namespace {

Task<> send_in_pieces(World& world, Connection& peer, std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = 1 + world.random(std::min<std::size_t>(text.size(), 20'000));
    co_await peer.send(text.substr(0, size));
    text.remove_prefix(size);
    if (world.random(4) == 0) {
      co_await weir::sleep_for(std::chrono::microseconds(world.random(5'000)));
    }
  }
  co_await peer.finish();
}

Task<> converse(World& world, weir::simulation::Server server) {
  const Client client = co_await world.connect(server);
  const bool is_long = world.random(4) == 0;
  const std::string sent = world.text(world.random(is_long ? 300'000 : 300));
  auto both = weir::when_all(send_in_pieces(world, *client, sent), receive_all(*client));
  const auto [done, got] = co_await std::move(both);
  const bool cut = world.struck(Fault::memory) + world.struck(Fault::stop) > 0;
  world.check(sent.starts_with(got), "what comes back is in order, each byte once");
  world.check(cut || got == sent, "every byte comes back");
}

Task<> scenario(World& world) {
  Serving serving;
  serving.options.workers = 1 + static_cast<unsigned>(world.random(3));
  const auto server = world.serve(echo, serving);
  for (std::uint64_t others = world.random(4); others > 0; --others) {
    world.spawn(converse(world, server));
  }
  co_await converse(world, server);
}

TEST(Echo, Gives_back_every_byte_on_any_network) {
  campaign({.seeds = 2'000, .faults = Faults::hostile()}, scenario);
}

TEST(Echo, Gives_back_every_byte_on_a_network_that_breaks_nothing) {
  const Report report = campaign({.seeds = 1'000, .faults = Faults::harmless()}, scenario);
  EXPECT_EQ(report.broken, 0U);
}

}  // namespace
}  // namespace simulation_tests
