// simulation.cpp - how many echo conversations does one core simulate in a second?
//
// A conversation: connect, 64 bytes there and back, close; ten in each world, one after another.
// Unit: conversations a second of the core's time, and simulated seconds for each real one.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <weir/simulation.h>

namespace {

using weir::simulation::Faults;
using weir::simulation::World;

constexpr unsigned conversations = 10;

weir::Task<> echo(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

weir::Task<> converse(World& world) {
  const auto server = world.serve(echo);
  const std::string text(64, 'x');
  for (unsigned i = 0; i < conversations; ++i) {
    const weir::Client client = co_await world.connect(server);
    co_await client->send(text);
    std::size_t got = 0;
    while (got < text.size()) {
      const weir::Chunk bytes = co_await client->receive();
      if (!bytes) break;
      got += bytes.size();
    }
    world.check(got == text.size() || !world.intact(), "what was sent comes back");
  }
}

void measure(const char* what, const Faults& faults, std::uint64_t seeds) {
  const auto began = std::chrono::steady_clock::now();
  const auto report =
      weir::simulation::explore({.seeds = seeds, .threads = 1, .faults = faults}, converse);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const std::chrono::duration<double> simulated = report.simulated;
  std::printf("%-10s %9.0f conversations/s/core  %9.0f times real time\n", what,
              static_cast<double>(report.connections) / took.count(),
              simulated.count() / took.count());
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000;
  measure("perfect", Faults::none(), seeds);
  measure("harmless", Faults::harmless(), seeds);
  measure("usual", Faults(), seeds);
}
