// rounds_test.cpp - a simulated run that goes round and round at one moment is found, and says who.
#include <gtest/gtest.h>

#include <string>

#include <weir/channel.h>
#include <weir/simulation.h>
#include <weir/time.h>
#include <weir/when.h>

namespace {

using namespace std::chrono_literals;
using weir::Chunk;
using weir::Connection;
using weir::Task;
using weir::simulation::World;

Task<> looks_without_rest(Connection& peer) {
  const Chunk ask = co_await peer.receive();
  while (ask) co_await weir::sleep_for(0ns);
}

Task<> listens_to_a_closed_channel(Connection& peer) {
  weir::Channel<int> inbox(1);
  inbox.close();
  for (;;) {
    auto either = weir::when_any(peer.receive(), inbox.receive());
    co_await std::move(either);
  }
}

Task<> ignores_the_end(Connection& peer) {
  for (;;) {
    const Chunk bytes = co_await peer.receive();
    if (!bytes) co_await weir::sleep_for(0ns);
  }
}

template <class Handler>
weir::simulation::Run run_with(Handler handler, weir::Model model, bool client_finishes = false) {
  const auto scenario = [=](World& world) -> Task<> {
    auto server = world.serve(handler, {.model = model});
    weir::Client client = co_await world.connect(server);
    co_await client->send("?");
    if (client_finishes) co_await client->finish();
    co_await client->receive();
  };
  return weir::simulation::run_once(1, {.faults = weir::simulation::Faults::none()}, scenario);
}

Task<> asks(weir::Channel<int>& there, weir::Channel<int>& back, int times) {
  for (int i = 0; i < times; ++i) {
    co_await there.send(i);
    co_await back.receive();
  }
  there.close();
}
Task<> answers(weir::Channel<int>& there, weir::Channel<int>& back) {
  while (const auto number = co_await there.receive()) co_await back.send(*number);
}

TEST(Exchanges, Of_messages_are_no_rounds) {
  const auto scenario = [](World&) -> Task<> {
    weir::Channel<int> there(1), back(1);
    co_await weir::when_all(asks(there, back, 60'000), answers(there, back));
  };
  const auto run =
      weir::simulation::run_once(1, {.faults = weir::simulation::Faults::none()}, scenario);
  EXPECT_FALSE(run.failed) << run.what;
}

class Rounds : public testing::TestWithParam<weir::Model> {};

TEST_P(Rounds, Of_a_handler_that_sleeps_for_no_time_are_found) {
  const auto run = run_with(looks_without_rest, GetParam());
  EXPECT_TRUE(run.failed);
  EXPECT_TRUE(run.what.starts_with("it goes round and round: from ")) << run.what;
  EXPECT_NE(
      run.what.find("\n  server 0 was resumed in 1000 of the last 1000 turns: what it awaits "
                    "ends at once each time"),
      std::string::npos)
      << run.what;
}

TEST_P(Rounds, Of_a_handler_that_listens_to_a_closed_channel_are_found) {
  const auto run = run_with(listens_to_a_closed_channel, GetParam());
  EXPECT_TRUE(run.failed);
  EXPECT_NE(run.what.find("\n  server 0 was resumed in "), std::string::npos) << run.what;
}

TEST_P(Rounds, Of_a_handler_that_ignores_the_end_of_the_stream_name_it) {
  const auto run = run_with(ignores_the_end, GetParam(), true);
  EXPECT_TRUE(run.failed);
  EXPECT_NE(run.what.find("\n  server 0 was resumed in 1000 of the last 1000 turns: it receives "
                          "the end of the stream again and again"),
            std::string::npos)
      << run.what;
  EXPECT_LT(run.trace.size(), 100U) << "the trace does not drown in it";
}

INSTANTIATE_TEST_SUITE_P(On, Rounds,
                         testing::Values(weir::Model::iterative, weir::Model::poll,
                                         weir::Model::epoll_lt, weir::Model::epoll_et,
                                         weir::Model::io_uring),
                         [](const auto& each) {
                           std::string name(weir::name(each.param));
                           for (char& letter : name) letter = letter == '-' ? '_' : letter;
                           return name;
                         });

TEST(RoundsOfTheScenario, Are_told_from_those_of_a_server) {
  const auto scenario = [](World&) -> Task<> {
    for (;;) co_await weir::sleep_for(0ns);
  };
  const auto run = weir::simulation::run_once(1, {}, scenario);
  EXPECT_TRUE(run.failed);
  EXPECT_NE(run.what.find("\n  the scenario, or a task beside it, was resumed in 1000 of"),
            std::string::npos)
      << run.what;
}

TEST(RoundsOfTheScenario, Are_none_if_a_long_computation_lets_others_have_their_turn) {
  const auto scenario = [](World&) -> Task<> {
    for (int i = 0; i < 10'000; ++i) co_await weir::sleep_for(0ns);
  };
  const auto run = weir::simulation::run_once(1, {}, scenario);
  EXPECT_FALSE(run.failed) << run.what;
}

}  // namespace
