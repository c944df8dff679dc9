// test_your_handler.cpp - a handler, and the test of it on a thousand simulated networks.
//
// The handler numbers each line that a client sends. The test does not know how the network cuts
// lines into pieces, delays or breaks them; it says what must hold whatever happens. A failing
// seed is printed with the command that replays it, and with everything that happened.
//
// Try it:  examples/test_your_handler  then  WEIR_SEED=7 examples/test_your_handler
#include <cstdio>
#include <string>

#include <weir/simulation.h>
#include <weir/weir.h>

namespace {

using weir::simulation::World;

// --- what runs in production -----------------------------------------------------------------

weir::Task<> number_lines(weir::Connection& peer) {
  weir::Reader reader(peer);
  for (int number = 1;; ++number) {
    const auto line = co_await reader.until("\n", 1000);
    if (!line) co_return;
    co_await peer.send(std::to_string(number), ": ", *line, "\n");
  }
}

// --- the test --------------------------------------------------------------------------------

weir::Task<> ask(World& world, weir::simulation::Server server) {
  weir::Client client = co_await world.connect(server);
  weir::Reader answers(*client);
  const std::uint64_t lines = 1 + world.random(20);
  for (std::uint64_t number = 1; number <= lines; ++number) {
    const std::string line = world.text(world.random(500));
    co_await client->send(line, "\n");
    const auto answer = co_await answers.until("\n", 2000);
    // A network that breaks connections may end one early; otherwise each line has its answer.
    if (!answer && !world.intact()) co_return;
    world.check(answer.has_value(), "each line is answered");
    world.check(*answer == std::to_string(number) + ": " + line, "the answer fits the line");
  }
}

weir::Task<> several_ask(World& world) {
  weir::simulation::Serving serving;
  serving.options.workers = 2;
  const auto server = world.serve(number_lines, serving);
  world.spawn(ask(world, server));
  world.spawn(ask(world, server));
  co_await ask(world, server);
}

}  // namespace

int main() {
  try {
    const auto report = weir::simulation::explore({.seeds = 1000}, several_ask);
    std::printf("%llu networks, %llu connections: every line was answered\n",
                static_cast<unsigned long long>(report.seeds),
                static_cast<unsigned long long>(report.connections));
    return 0;
  } catch (const weir::simulation::Failure& failure) {
    std::printf("%s\n", failure.what());
    return 1;
  }
}
