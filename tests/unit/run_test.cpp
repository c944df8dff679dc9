// run_test.cpp - run() and connect(): programs that are clients.
#include <weir/client.h>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include <weir/time.h>
#include <weir/when.h>
#include "tests/support/address.h"
#include "tests/support/random.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace unit {
namespace {

using namespace std::chrono_literals;
using weir::Chunk;
using weir::Connection;
using weir::Task;

class Run : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, Run, testing::ValuesIn(different_models()), model_name);

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

Task<> send_all(Connection& server, const std::string& bytes) {
  co_await server.send(bytes);
  co_await server.finish();
}
Task<std::string> receive_all(Connection& server) {
  std::string all;
  while (const Chunk bytes = co_await server.receive()) all += bytes.text();
  co_return all;
}

TEST_P(Run, Returns_what_the_task_returns) {
  const auto seven = []() -> Task<int> { co_return 7; };
  const auto nothing = []() -> Task<> { co_return; };
  EXPECT_EQ(run_here(seven()), 7);
  EXPECT_EQ(run_here(nothing()), 0);
}

TEST_P(Run, Prints_the_exception_that_leaves_the_task_in_one_line) {
  const auto refused = [](std::string address) -> Task<> {
    const weir::Client client = co_await weir::connect(address);
  };
  const support::RefusingPort nobody;
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_here(refused(nobody.text())), 1);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find(nobody.text()), std::string::npos) << said;
  EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
}

TEST_P(Run, Connects_from_the_address_that_is_asked_for) {
  std::string seen;
  RunningServer server([&seen](Connection& peer) -> Task<> {
    seen = peer.peer().text();
    co_return;
  });
  const auto task = [](std::string address) -> Task<> {
    weir::Endpoint from = weir::Endpoint::parse("127.0.0.9:0");
    const weir::Client client = co_await weir::connect(weir::Endpoint::parse(address), from);
    co_await receive_all(*client);
  };
  EXPECT_EQ(run_here(task(server.address())), 0);
  server.stop();
  EXPECT_EQ(seen.substr(0, 10), "127.0.0.9:");
}

TEST_P(Run, Says_when_the_address_to_connect_from_is_not_ours) {
  const auto task = []() -> Task<int> {
    try {
      const weir::Client client = co_await weir::connect(weir::Endpoint::parse("127.0.0.1:9"),
                                                         weir::Endpoint::parse("192.0.2.1:0"));
    } catch (const weir::IoError& error) {
      co_return error.code() == std::errc::address_not_available ? 5 : 6;
    }
    co_return 7;
  };
  EXPECT_EQ(run_here(task()), 5);
}

TEST_P(Run, Tells_the_time) {
  const auto task = []() -> Task<int> {
    const auto before = weir::now();
    co_await weir::sleep_for(5ms);
    co_return weir::now() - before >= 5ms ? 1 : 2;
  };
  EXPECT_EQ(run_here(task()), 1);
}

TEST_P(Run, Talks_to_a_server) {
  RunningServer server(echo, GetParam());
  const auto body = [](std::string address) -> Task<int> {
    weir::Client client = co_await weir::connect(address);
    const std::string sent = support::random_bytes(1, 2'000'000);
    auto [done, got] = co_await weir::when_all(send_all(*client, sent), receive_all(*client));
    co_return got == sent ? 0 : 1;
  };
  EXPECT_EQ(run_here(body(server.address())), 0);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(server.server().statistics().accepted, 1U);
}

TEST_P(Run, Sends_what_was_queued_when_the_task_ended) {
  std::string got;
  RunningServer server([&got](Connection& peer) -> Task<> { got = co_await receive_all(peer); },
                       GetParam());
  const auto body = [](std::string address) -> Task<> {
    const weir::Client client = co_await weir::connect(address);
    co_await client->send("the last words");
  };
  EXPECT_EQ(run_here(body(server.address())), 0);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(got, "the last words");
}

TEST_P(Run, Talks_to_several_servers_at_once) {
  RunningServer first(echo, GetParam());
  RunningServer second(echo, GetParam());
  const auto body = [](std::string one, std::string two) -> Task<int> {
    auto [a, b] = co_await weir::when_all(weir::connect(one), weir::connect(two));
    co_await a->send("to the first");
    co_await b->send("to the second");
    auto [from_b, from_a] = co_await weir::when_all(b->receive(), a->receive());
    co_return from_a.text() == "to the first" && from_b.text() == "to the second" ? 0 : 1;
  };
  EXPECT_EQ(run_here(body(first.address(), second.address())), 0);
}

TEST_P(Run, Throws_a_start_error_for_what_is_no_address) {
  const auto body = []() -> Task<int> {
    try {
      const weir::Client client = co_await weir::connect("nowhere");
    } catch (const weir::StartError&) { co_return 0; }
    co_return 1;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(Run, Gives_up_a_receive_at_its_deadline_and_can_receive_later) {
  RunningServer server(echo, GetParam());
  const auto body = [](std::string address) -> Task<int> {
    weir::Client client = co_await weir::connect(address);
    for (int i = 0; i < 5; ++i) {
      try {
        co_await weir::within(2ms, client->receive());
        co_return 1;
      } catch (const weir::IoError& error) {
        if (error.code() != std::errc::timed_out) co_return 2;
      }
    }
    co_await client->send("now");
    const Chunk bytes = co_await weir::within(1min, client->receive());
    co_return bytes.text() == "now" ? 0 : 3;
  };
  EXPECT_EQ(run_here(body(server.address())), 0);
}

// Nobody was left to close it, and so run() waited for ever.
TEST_P(Run, Ends_although_the_program_holds_on_to_a_client) {
  RunningServer server(echo, GetParam());
  weir::Client kept;
  const auto task = [&kept](std::string address) -> Task<> {
    kept = co_await weir::connect(address);
    co_await kept->send("last words");
  };
  EXPECT_EQ(run_here(task(server.address())), 0);
  const auto again = [&kept]() -> Task<int> {
    int failed = 0;
    try {
      const Chunk bytes = co_await kept->receive();
    } catch (const weir::IoError& error) {
      if (error.code() == std::errc::connection_reset) ++failed;
    }
    try {
      co_await kept->send("more");
    } catch (const weir::IoError& error) {
      if (error.code() == std::errc::connection_reset) ++failed;
    }
    co_return failed;
  };
  EXPECT_EQ(run_here(again()), 2) << "it is closed, and says so";
  kept.close();
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(server.server().statistics().bytes_received, 10U);
}

// A connect that is under way has no error that could be asked for, and has not succeeded.
TEST_P(Run, Gives_up_a_connection_that_is_not_made_in_time) {
  const support::FullPort full;
  const auto task = [](std::string address) -> Task<int> {
    const auto dial = [](std::string where) -> Task<> {
      const weir::Client client = co_await weir::connect(where);
    };
    try {
      co_await weir::within(50ms, dial(address));
    } catch (const weir::IoError& error) {
      co_return error.code() == std::errc::timed_out ? 3 : 4;
    }
    co_return 5;
  };
  EXPECT_EQ(run_here(task(full.text())), 3);
}

// Without blocking, connect(2) fails where it would wait for room in the backlog.
TEST_P(Run, Waits_for_room_in_the_backlog_of_a_unix_socket) {
  const support::TemporaryDirectory directory;
  const std::string path = directory.path() + "/full";
  const support::UnixListener listener(path, 1);
  const auto task = [](std::string address, const support::UnixListener& peer) -> Task<int> {
    std::vector<weir::Client> clients;
    // One more than fit: Linux lets in one more than the backlog says.
    for (int i = 0; i < 2; ++i) clients.push_back(co_await weir::connect(address));
    const auto late = [](std::string where) -> Task<> {
      const weir::Client client = co_await weir::connect(where);
    };
    bool waited = false;
    try {
      co_await weir::within(50ms, late(address));
    } catch (const weir::IoError& error) { waited = error.code() == std::errc::timed_out; }
    peer.take_one();
    co_await late(address);
    co_return waited ? 3 : 4;
  };
  weir::Options options;
  options.linger = 10ms;  // Nobody is there to close the other sides.
  EXPECT_EQ(weir::run(task("unix:" + path, listener), GetParam(), options), 3);
}

TEST(Run, Reports_whatever_leaves_the_task) {
  const auto throws = []() -> Task<> {
    co_await weir::sleep_for(0ms);
    throw 42;
  };
  testing::internal::CaptureStderr();
  EXPECT_EQ(weir::run(throws()), 1);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("exception"), std::string::npos);
}

TEST(Run, Heeds_the_environment_and_the_program_before_it) {
  const auto nothing = []() -> Task<> { co_return; };
  EXPECT_EQ(weir::run(nothing(), weir::Model::automatic), 0);
  for (const weir::Model model : {weir::Model::fork, weir::Model::threads}) {
    EXPECT_EQ(weir::run(nothing(), model), 0) << "means blocking calls";
  }
}

}  // namespace
}  // namespace unit
