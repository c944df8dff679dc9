// server_test.cpp - Server as a program uses it: set up, start, ask, stop.
#include <weir/server.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <weir/client.h>
#include <weir/time.h>

#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace unit {
namespace {

using support::Client;
using weir::Chunk;
using weir::Connection;
using weir::Options;
using weir::Task;

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

class Servers : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, Servers, testing::ValuesIn(different_models()), model_name);

TEST_P(Servers, Keep_what_a_handler_has_captured) {
  const std::string greeting = "a greeting that does not fit into a small string\n";
  std::atomic<int> served = 0;
  RunningServer server(
      [greeting, &served](Connection& peer) -> Task<> {
        co_await peer.send(greeting);
        while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
        ++served;
      },
      GetParam());
  for (int i = 0; i < 3; ++i) {
    Client client(server.address());
    EXPECT_EQ(client.receive_line(), greeting);
    EXPECT_EQ(client.converse("hello"), "hello");
    client.finish();
    EXPECT_TRUE(client.sees_end());  // The handler is done, so no stop will cut it short.
  }
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(served, 3);
}

TEST_P(Servers, Outlive_a_handler_that_throws_before_it_is_a_coroutine) {
  RunningServer server(
      [broken = true](Connection& peer) -> Task<> {
        if (broken) throw std::runtime_error("not even started");
        return echo(peer);
      },
      GetParam());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Client(server.address()).sees_end());
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(server.server().statistics().failed, 3U);
}

TEST_P(Servers, Count_what_they_do) {
  RunningServer server(echo, GetParam());
  for (int i = 0; i < 5; ++i) { EXPECT_EQ(Client(server.address()).converse("hello"), "hello"); }
  EXPECT_EQ(server.stop(), 0);
  const weir::Statistics totals = server.server().statistics();
  EXPECT_EQ(totals.accepted, 5U);
  EXPECT_EQ(totals.closed, 5U);
  EXPECT_EQ(totals.open(), 0U);
  EXPECT_EQ(totals.failed, 0U);
  EXPECT_EQ(totals.bytes_received, 25U);
  EXPECT_EQ(totals.bytes_sent, 25U);
  EXPECT_GE(totals.receives, 5U);
  EXPECT_GT(totals.calls(), 0U);
}

TEST_P(Servers, Say_where_they_listen_and_why_on_this_model) {
  RunningServer server(echo, GetParam());
  ASSERT_EQ(server.server().endpoints().size(), 1U);
  EXPECT_NE(server.server().endpoints()[0].port, 0);
  EXPECT_EQ(server.server().chosen().model, GetParam());
  EXPECT_FALSE(server.server().chosen().reason.empty());
}

TEST_P(Servers, Stop_from_several_threads_at_once) {
  RunningServer server(echo, GetParam());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&server] { server.server().stop(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server.stop(), 0);
}

/// Is busy as long as its client is there: an answer that never ends.
Task<> never_done(Connection& peer) {
  co_await peer.send("hello");
  co_await weir::sleep_for(std::chrono::hours(1));
}

// A pool of connections to an upstream, which no handler closes, kept the server for ever.
TEST_P(Servers, Stop_although_their_handlers_share_clients_that_outlive_them) {
  RunningServer upstream(echo);
  const auto pool = std::make_shared<std::vector<weir::Client>>();
  RunningServer server(
      [pool, address = upstream.address()](Connection& peer) -> Task<> {
        if (pool->empty()) pool->push_back(co_await weir::connect(address));
        Connection& shared = *pool->front();
        while (const Chunk bytes = co_await peer.receive()) {
          co_await shared.send(bytes);
          const Chunk answer = co_await shared.receive();
          co_await peer.send(answer);
        }
      },
      GetParam());
  for (int i = 0; i < 3; ++i) {
    Client client(server.address());
    EXPECT_EQ(client.converse("hello"), "hello");
    client.finish();
    EXPECT_TRUE(client.sees_end());
  }
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(pool->size(), 1U);
  pool->clear();
  EXPECT_EQ(upstream.stop(), 0);
}

// They were not let go where a worker held nobody else but those who wait for room.
TEST_P(Servers, Stop_although_workers_have_only_shared_clients_and_clients_that_wait) {
  RunningServer upstream(echo);
  std::mutex mutex;
  std::map<std::thread::id, weir::Client> pool;  // One for each worker.
  const auto own = [&]() -> weir::Client& {
    const std::lock_guard lock(mutex);
    return pool[std::this_thread::get_id()];
  };
  Options options;
  options.workers = 2;
  options.reuse_port = true;
  options.connections_max = 1;
  RunningServer server(
      [&own, address = upstream.address()](Connection& peer) -> Task<> {
        if (!own()) own() = co_await weir::connect(address);
        const Chunk bytes = co_await peer.receive();
        if (bytes.text() == "stay") co_await never_done(peer);
      },
      GetParam(), options);
  for (int i = 0; i < 16; ++i) {
    Client client(server.address());
    client.finish();
    EXPECT_TRUE(client.sees_end());
  }
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(server.address());
    clients.back().send("stay");
  }
  EXPECT_TRUE(
      support::eventually([&] { return std::ranges::any_of(clients, &Client::has_answer); }));
  server.server().stop(std::chrono::milliseconds(200));
  EXPECT_EQ(server.stop(), 3);
  pool.clear();
  EXPECT_EQ(upstream.stop(), 0);
}

TEST_P(Servers, Cut_what_is_left_at_the_deadline_of_a_stop) {
  RunningServer server(never_done, GetParam());
  Client client(server.address());
  EXPECT_EQ(client.receive(5), "hello");
  server.server().stop(std::chrono::milliseconds(20));
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.stop(), 3);
  EXPECT_EQ(server.server().statistics().cut, 1U);
}

/// Keeps its loop from turning now and then, so that much has happened at the next turn.
Task<> hold_up(Connection& peer) {
  while (const Chunk word = co_await peer.receive()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
  }
}

Task<> say_later(Connection& peer, std::string_view words) {
  co_await weir::sleep_for(std::chrono::milliseconds(200));
  co_await peer.send(words);
  co_await weir::sleep_for(std::chrono::hours(1));
}

// Two tasks of X send in one turn, which looks how the first send went, and finds on the way that Y
// has closed: so B, who had waited for room, is served, and is spoken to at once. On io-uring X got
// what was meant for B.
TEST_P(Servers, Keep_apart_what_they_say_to_one_and_to_another_who_gets_his_room_meanwhile) {
  if (GetParam() == weir::Model::iterative) GTEST_SKIP() << "serves one after another";
  const auto rest = [](int ms) { support::rest(std::chrono::milliseconds(ms)); };
  std::atomic<int> served = 0;
  Options options;
  options.connections_max = 3;
  RunningServer server(
      [&served](Connection& peer) -> Task<> {
        switch (served++) {
          case 0: co_return co_await hold_up(peer);
          case 1:
            peer.spawn(say_later(peer, "first of X "));
            peer.spawn(say_later(peer, "second of X"));
            co_return co_await weir::sleep_for(std::chrono::hours(1));
          case 2:
            co_await weir::sleep_for(std::chrono::milliseconds(150));
            co_return peer.reset();
          default:
            co_await peer.send("something for B");
            co_await weir::sleep_for(std::chrono::hours(1));
        }
      },
      GetParam(), options);
  Client holds_up(server.address());
  rest(50);
  holds_up.send("x");
  rest(50);
  Client x(server.address()), y(server.address()), b(server.address());
  rest(330);
  holds_up.send("y");
  EXPECT_EQ(x.receive(22), "first of X second of X");
  EXPECT_EQ(b.receive(15), "something for B");
  server.server().stop();
}

TEST_P(Servers, Lose_no_last_bytes_of_an_answer_that_ends_late_in_a_stop) {
  using std::chrono::milliseconds;
  const std::string answer(300'000, 'b');
  RunningServer server(
      [&answer](Connection& peer) -> Task<> {
        co_await peer.receive();
        co_await weir::sleep_for(milliseconds(700));
        co_await peer.send(std::string_view(answer));
      },
      GetParam());
  Client client(server.address(), {.receive_buffer = 4096});
  client.send("x");
  client.wait_until_delivered();
  support::rest(milliseconds(50));
  server.server().stop(std::chrono::minutes(1));
  for (int i = 0; i < 45; ++i) {  // Reads late, and what he sends is unread at the end.
    client.send("u");
    support::rest(milliseconds(20));
  }
  EXPECT_TRUE(client.receive_to_end() == answer);
  client.close();
  EXPECT_EQ(server.stop(), 0);
}

TEST_P(Servers, Cut_nobody_who_only_waits_for_a_client) {
  RunningServer server(echo, GetParam());
  Client client(server.address());
  EXPECT_EQ(client.converse("hello"), "hello");
  server.server().stop(std::chrono::hours(1));
  EXPECT_TRUE(client.sees_end());
  client.close();
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(server.server().statistics().cut, 0U);
}

std::vector<std::string>& log_lines() {
  static std::vector<std::string> lines;
  return lines;
}

TEST(Server, Tells_its_log_where_it_listens_and_with_which_model) {
  static std::mutex mutex;
  log_lines().clear();
  weir::Server server(echo);
  server.listen("127.0.0.1:0").model(weir::Model::poll).on_log([](weir::LogLevel, auto line) {
    const std::lock_guard lock(mutex);
    log_lines().emplace_back(line);
  });
  server.start();
  const std::string address = server.endpoints().at(0).text();
  server.stop();
  EXPECT_EQ(server.wait(), 0);
  std::string all;
  for (const std::string& line : log_lines()) all += line + "\n";
  EXPECT_NE(all.find(address), std::string::npos) << all;
  EXPECT_NE(all.find("poll"), std::string::npos) << all;
}

/// What the StartError says; empty when the server starts.
std::string refusal(weir::Server& server) {
  try {
    server.start();
  } catch (const weir::StartError& error) { return error.what(); }
  server.stop();
  server.wait();
  return "";
}

TEST(Server, Refuses_options_that_make_no_sense) {
  std::vector<Options> senseless(9);
  senseless[0].workers = 0;
  senseless[1].workers = 1025;
  senseless[2].thread_stack = 1024;
  senseless[3].outbox_low = 128 * 1024;  // Above outbox_high.
  senseless[4].budget_operations = 0;
  senseless[5].backlog = 0;
  senseless[6].linger = std::chrono::milliseconds(-1);
  senseless[7].batch_wait = std::chrono::microseconds(10'001);
  senseless[8].batch_wait = std::chrono::microseconds(-1);
  for (std::size_t i = 0; i < senseless.size(); ++i) {
    weir::Server server(echo);
    server.listen("127.0.0.1:0").model(weir::Model::threads).options(senseless[i]);
    const std::string why = refusal(server);
    EXPECT_FALSE(why.empty()) << "number " << i;
    EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  }
}

// It overflowed, to a time before now, which meant that nobody had asked; as less than none did.
TEST(Server, Stops_when_it_is_given_all_the_time_in_the_world_or_less_than_none) {
  using std::chrono::milliseconds;
  for (const milliseconds drain : {milliseconds::max(), milliseconds(-1), milliseconds::min()}) {
    weir::Server server(echo);
    server.listen("127.0.0.1:0");
    server.start();
    server.stop(drain);
    EXPECT_EQ(server.wait(), 0);
  }
}

TEST(Server, Refuses_to_start_without_an_address) {
  weir::Server server(echo);
  EXPECT_NE(refusal(server), "");
}

TEST(Server, Names_the_address_that_is_taken) {
  RunningServer first(echo);
  weir::Server second(echo);
  second.listen(first.address());
  EXPECT_NE(refusal(second).find(first.address()), std::string::npos);
}

TEST(Server, Starts_nothing_when_one_of_its_addresses_is_taken) {
  RunningServer first(echo);
  weir::Server second(echo);
  second.listen("127.0.0.1:0").listen(first.address());
  EXPECT_NE(refusal(second), "");
  EXPECT_EQ(Client(first.address()).converse("hello"), "hello");
}

TEST(Server, Names_the_unix_path_that_does_not_exist) {
  weir::Server server(echo);
  server.listen("unix:/there/is/no/such/directory/echo.sock");
  EXPECT_NE(refusal(server).find("/there/is/no/such/directory"), std::string::npos);
}

TEST(Server, Can_be_destroyed_without_having_started) {
  weir::Server server(echo);
  server.listen("127.0.0.1:0");
}

// The copy that a worker is writing is never the one that is read.
TEST(Server, Shows_numbers_of_one_moment_to_other_threads_under_load) {
  RunningServer server(echo);
  std::atomic<bool> over{false};
  std::uint64_t looks = 0, wrong = 0, seen = 0;
  std::thread reader([&] {
    while (!over) {
      const weir::Statistics now = server.server().statistics();
      const std::uint64_t by_reason = now.ended + now.failed + now.cut + now.timed_out + now.lost;
      if (now.closed > now.accepted || now.closed != by_reason || now.accepted < seen) ++wrong;
      if (now.open() > 4) ++wrong;
      seen = now.accepted;
      ++looks;
    }
  });
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(support::Client(server.address()).converse("hello"), "hello");
  }
  over = true;
  reader.join();
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(wrong, 0U) << "of " << looks;
  EXPECT_GT(seen, 0U) << "nothing was shown before the end";
  EXPECT_EQ(server.server().statistics().accepted, 2000U);
  EXPECT_EQ(server.server().statistics().open(), 0U);
}

}  // namespace
}  // namespace unit
