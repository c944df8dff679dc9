// A line protocol: one by one, and pipelined, with lines of any length.
#include <weir/reader.h>
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

std::string answer_to(const std::string& line) {
  return std::to_string(line.size()) + " " + line + "\n";
}

std::string any_line(World& world) {
  const std::uint64_t limits[] = {1, 10, 100, 5'000, 20'000};
  return world.text(world.random(limits[world.random(5)]));
}

Task<> one_by_one(World& world, Connection& peer) {
  weir::Reader reader(peer);
  for (std::uint64_t left = 1 + world.random(10); left > 0; --left) {
    const std::string line = any_line(world);
    co_await peer.send(line, "\n");
    const auto answer = co_await reader.until("\n", 200'000);
    if (!answer && !world.intact()) co_return;
    world.check(answer.has_value(), "each line is answered");
    world.check(std::string(*answer) + "\n" == answer_to(line), "the answer is that of the line");
  }
  co_await peer.finish();
}

Task<> pipelined(World& world, Connection& peer) {
  std::string lines, answers;
  for (std::uint64_t left = 1 + world.random(30); left > 0; --left) {
    const std::string line = any_line(world);
    lines += line + "\n";
    answers += answer_to(line);
  }
  auto both = weir::when_all(send_in_pieces(world, peer, lines), receive_all(peer));
  const auto [done, got] = co_await std::move(both);
  world.check(answers.starts_with(got), "answers come in the order of their lines");
  world.check(got == answers || !world.intact(), "each line is answered");
}

Task<> visit(World& world, SimulatedServer server) {
  const Client client = co_await world.connect(server);
  if (world.random(2) == 0) {
    co_await one_by_one(world, *client);
  } else {
    co_await pipelined(world, *client);
  }
}

}  // namespace

Task<> line_scenario(World& world) {
  const SimulatedServer server = world.serve(answer_lines, any_serving(world));
  for (std::uint64_t others = world.random(3); others > 0; --others) {
    world.spawn(visit(world, server));
  }
  co_await visit(world, server);
}

}  // namespace simulation_tests
