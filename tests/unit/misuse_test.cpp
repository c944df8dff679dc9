// misuse_test.cpp - mistakes of a program end it, with one line that says which.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <weir/channel.h>
#include <weir/client.h>
#include <weir/model.h>
#include <weir/reader.h>
#include <weir/server.h>
#include <weir/time.h>
#include <weir/when.h>

#include "tests/unit/every_model.h"

namespace unit {
namespace {

using weir::Channel;
using weir::Client;
using weir::Task;

Task<int> three() { co_return 3; }

/// Runs `task(client)` with a client that is connected to somebody who says nothing.
template <class F>
void with_client(F task, weir::Model model) {
  weir::Server server([](weir::Connection& peer) -> Task<> { co_await peer.receive(); });
  server.listen("127.0.0.1:0").start();  // Nobody has to accept it.
  const auto body = [&]() -> Task<> {
    co_await task(co_await weir::connect(server.endpoints().at(0)));
  };
  weir::run(body(), model);
}

/// That `mistake()` aborts and says "weir: misuse: WHAT".
template <class F>
void expect_misuse(F mistake, const std::string& what) {
  EXPECT_EXIT(mistake(), testing::KilledBySignal(SIGABRT), "weir: misuse: .*" + what + ".*see ");
}

class Misuses : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, Misuses, testing::ValuesIn(different_models()), model_name);

TEST_P(Misuses, Is_a_client_closed_while_its_receive_waits) {
  const auto close_later = [](Client& client) -> Task<> {
    co_await weir::sleep_for(std::chrono::milliseconds(1));
    client.close();
  };
  const auto closes = [&](Client client) -> Task<> {
    co_await weir::when_all(client->receive(), close_later(client));
  };
  expect_misuse([&] { with_client(closes, GetParam()); }, "a Client was closed");
}

TEST_P(Misuses, Is_a_client_of_another_thread) {
  const auto greets = [](Client& client) -> Task<> { co_await client->send("hello"); };
  const auto lends = [&](Client client) -> Task<> {
    std::thread other([&] { weir::run(greets(client), GetParam()); });
    other.join();
    co_return;
  };
  expect_misuse([&] { with_client(lends, GetParam()); }, "a Client was used on another thread");
}

TEST_P(Misuses, Is_a_second_receive_of_a_client) {
  const auto receives = [](Client client) -> Task<> {
    co_await weir::when_all(client->receive(), client->receive());
  };
  expect_misuse([&] { with_client(receives, GetParam()); }, "a second receive");
}

TEST_P(Misuses, Is_a_channel_destroyed_while_somebody_waits) {
  const auto destroy_later = [](std::unique_ptr<Channel<int>>& channel) -> Task<> {
    co_await weir::sleep_for(std::chrono::milliseconds(1));
    channel.reset();
  };
  const auto body = [&]() -> Task<> {
    auto channel = std::make_unique<Channel<int>>(1);
    co_await weir::when_all(channel->receive(), destroy_later(channel));
  };
  expect_misuse([&] { run_here(body()); }, "a Channel was destroyed");
}

TEST(Misuse, Is_a_task_that_is_awaited_twice) {
  const auto body = []() -> Task<> {
    Task<int> task = three();
    co_await std::move(task);
    co_await std::move(task);
  };
  expect_misuse([&] { weir::run(body()); }, "a Task");
}

TEST(Misuse, Is_an_empty_task_however_it_is_begun) {
  const auto awaits = []() -> Task<> { co_await Task<int>(); };
  const auto races = []() -> Task<> { co_await weir::when_all(Task<int>(), three()); };
  const auto spawns = [](Client client) -> Task<> {
    client->spawn(Task<>());
    co_return;
  };
  expect_misuse([&] { weir::run(awaits()); }, "a Task");
  expect_misuse([&] { weir::run(races()); }, "a Task");
  expect_misuse([&] { with_client(spawns, weir::Model::automatic); }, "a Task");
  expect_misuse([] { weir::run(Task<int>()); }, "a Task");
}

TEST(Misuse, Is_a_client_that_owns_nothing) {
  expect_misuse([] { Client()->id(); }, "a Client that is empty");
  expect_misuse([] { static_cast<void>((*Client()).id()); }, "a Client that is empty");
}

TEST(Misuse, Is_the_clock_outside_of_handlers) {
  expect_misuse([] { weir::now(); }, "outside of handlers");
}

TEST(Misuse, Is_an_empty_delimiter) {
  const auto reads = [](Client client) -> Task<> {
    weir::Reader reader(*client);
    while (const auto line = co_await reader.until("", 10)) {}
  };
  expect_misuse([&] { with_client(reads, weir::Model::automatic); }, "empty delimiter");
}

TEST(Misuse, Is_some_that_asks_for_nothing) {
  const auto reads = [](Client client) -> Task<> {
    weir::Reader reader(*client);
    co_await reader.some(0);
  };
  expect_misuse([&] { with_client(reads, weir::Model::automatic); }, "no bytes");
}

TEST(Misuse, Is_a_model_that_does_not_exist) {
  expect_misuse([] { weir::name(static_cast<weir::Model>(77)); }, "no Model");
  expect_misuse([] { weir::run(three(), static_cast<weir::Model>(77)); }, "no Model");
}

}  // namespace
}  // namespace unit
