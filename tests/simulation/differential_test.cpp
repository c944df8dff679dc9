// The same scripts over the simulated kernel and over the real one, on every model: a client
// must not be able to tell them apart.
#include <gtest/gtest.h>

#include <string>

#include <weir/reader.h>
#include <weir/time.h>
#include <weir/weir.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"
#include "tests/unit/running_server.h"

namespace simulation_tests {
namespace {

using weir::Model;

// --- scripts: what a client does, and what it saw --------------------------------------------

Task<std::string> rest_of(Connection& peer) {
  std::string seen;
  try {
    seen = co_await receive_all(peer);
    seen += " (end)";
  } catch (const weir::IoError& error) { seen += " " + error.code().message(); }
  co_return seen;
}

Task<std::string> talk_in_lines(Connection& peer) {
  weir::Reader reader(peer);
  co_await peer.send("one\ntwo\n");
  const auto first = co_await reader.until("\n", 100);
  std::string seen(first.value_or("nothing"));
  const auto second = co_await reader.until("\n", 100);
  seen += "|" + std::string(second.value_or("nothing"));
  co_await peer.send("three");
  co_await peer.send("\n");
  const auto third = co_await reader.until("\n", 100);
  seen += "|" + std::string(third.value_or("nothing"));
  co_await peer.finish();
  co_return seen + co_await rest_of(peer);
}

Task<std::string> finish_and_listen(Connection& peer) {
  co_await peer.send("abc");
  co_await peer.send("def");
  co_await peer.finish();
  co_return co_await rest_of(peer);
}

Task<std::string> say_nothing(Connection& peer) { co_return co_await rest_of(peer); }

Task<std::string> send_after_finish(Connection& peer) {
  co_await peer.finish();
  std::string seen;
  try {
    co_await peer.send("late");
  } catch (const weir::IoError& error) { seen = error.code().message(); }
  co_return seen + co_await rest_of(peer);
}

Task<std::string> provoke(Connection& peer) {
  co_await peer.send("x");
  co_return co_await rest_of(peer);
}

// --- handlers that the scripts meet ----------------------------------------------------------

Task<> give_a_lot(Connection& peer) { return give_and_leave(peer, 100'000); }

Task<> reset_at_once(Connection& peer) {
  co_await peer.receive();
  peer.reset();
}

Task<> run_out_of_patience(Connection& peer) {
  bool late = false;
  try {
    auto soon = weir::within(std::chrono::milliseconds(20), peer.receive());
    co_await std::move(soon);
  } catch (const weir::IoError& error) { late = error.code() == std::errc::timed_out; }
  co_await peer.send(late ? "late" : "in time");
}

struct Script {
  const char* name;
  Task<> (*handler)(Connection&);
  Task<std::string> (*client)(Connection&);
};
constexpr Script scripts[] = {
    {"lines", answer_lines, talk_in_lines},
    {"half_close", reverse_all, finish_and_listen},
    {"echo", echo, finish_and_listen},
    {"gift", give_a_lot, say_nothing},
    {"gift_to_one_who_finishes", give_a_lot, finish_and_listen},
    {"reset", reset_at_once, provoke},
    {"deadline", run_out_of_patience, say_nothing},
    {"send_after_finish", echo, send_after_finish},
};

// --- both worlds -----------------------------------------------------------------------------

Task<> keep(std::string& transcript, weir::Endpoint server,
            Task<std::string> (*client)(Connection&)) {
  const Client connection = co_await weir::connect(std::move(server));
  transcript = co_await client(*connection);
}

std::string in_the_real_world(const Script& script, Model model) {
  unit::RunningServer server(script.handler, model);
  std::string transcript = "nothing";
  weir::run(keep(transcript, weir::Endpoint::parse(server.address()), script.client));
  return transcript;
}

std::string in_a_simulation(const Script& script, Model model, std::uint64_t seed) {
  std::string transcript = "nothing";
  const auto run = weir::simulation::run_once(
      seed, {.faults = Faults::none(), .swarm = false}, [&](World& world) -> Task<> {
        Serving serving;
        serving.model = model;
        const SimulatedServer server = world.serve(script.handler, serving);
        return keep(transcript, server.endpoint(), script.client);
      });
  return run.failed ? "failed: " + run.what : transcript;
}

class Differential : public testing::TestWithParam<Script> {};

TEST_P(Differential, A_client_sees_the_same_on_simulated_and_real_models) {
  const std::string wanted = in_the_real_world(GetParam(), Model::poll);
  for (const weir::ModelInfo& info : weir::models()) {
    if (!weir::availability(info.model).available) continue;
    EXPECT_EQ(in_the_real_world(GetParam(), info.model), wanted) << info.name;
  }
  for (const Model model :
       {Model::iterative, Model::poll, Model::epoll_lt, Model::epoll_et, Model::io_uring}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      EXPECT_EQ(in_a_simulation(GetParam(), model, seed), wanted)
          << weir::name(model) << ", simulated, seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Script, Differential, testing::ValuesIn(scripts),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace simulation_tests
