// deadlines_test.cpp - the deadlines of Options are not early where a loop looks at the clock late.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <weir/server.h>

#include "tests/support/client.h"
#include "tests/support/clock.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace unit {
namespace {

using namespace std::chrono_literals;
using support::Client;
using support::Clock;

constexpr std::chrono::milliseconds idle = 2s;

class Deadlines : public EveryModel {};

weir::Options idle_only() {
  weir::Options options;
  options.idle = idle;
  options.stall_after = 0s;
  return options;
}

/// Falls silent, until the server ends the connection.
void expect_patience(Client& client) {
  const Clock::time_point silent_since = Clock::now();
  EXPECT_TRUE(client.sees_end());
  EXPECT_GE(Clock::now() - silent_since, idle) << "too early";
}

// Whoever is served after the one who blocks begins to wait at a time that the loop does not know.
TEST_P(Deadlines, Are_not_early_after_handlers_that_block) {
  const auto block = [](weir::Connection& peer) -> weir::Task<> {
    while (const weir::Chunk bytes = co_await peer.receive()) {
      std::this_thread::sleep_for(350ms);
      co_await peer.send(bytes);
    }
  };
  RunningServer server(block, GetParam(), idle_only());
  const auto converse = [&server] {
    Client client(server.address());
    EXPECT_EQ(client.converse("x"), "x");
    expect_patience(client);
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(converse);
  for (std::thread& client : clients) client.join();
}

INSTANTIATE_TEST_SUITE_P(Every_model, Deadlines, testing::ValuesIn(different_models()),
                         model_name);

// Each has a loop of its own, whose turns are few in much time.
TEST(Deadlines_on_threads, Are_not_early_for_clients_that_speak_now_and_then) {
  const auto echo = [](weir::Connection& peer) -> weir::Task<> {
    while (const weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
  };
  RunningServer server(echo, weir::Model::threads, idle_only());
  const auto converse = [&server](int times) {
    Client client(server.address());
    for (; times > 0; --times) {
      support::rest(200ms);
      EXPECT_EQ(client.converse("x"), "x");
    }
    expect_patience(client);
  };
  std::vector<std::thread> clients;
  for (int times = 1; times < 18; ++times) clients.emplace_back(converse, times);
  for (std::thread& client : clients) client.join();
}

}  // namespace
}  // namespace unit
