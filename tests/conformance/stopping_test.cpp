// stopping_test.cpp - SIGTERM, stop() and a second start.
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

/// Clients that send, and read nothing, until the server has no room for more.
class Load {
 public:
  Load(const TestServer& server, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) clients_.emplace_back(server.address());
  }
  void push() {
    const std::string filler(32 * 1024, '.');
    for (Client& client : clients_) client.send_some(filler);
  }
  bool all_see_the_end() {
    for (Client& client : clients_) {
      if (!client.sees_end()) return false;
    }
    return true;
  }

 private:
  std::vector<Client> clients_;
};

bool refuses(const TestServer& server) {
  try {
    const Client another(server.address());
  } catch (const std::system_error& error) { return error.code().value() == ECONNREFUSED; }
  return false;
}

TEST_P(Conformance, Stops_while_clients_are_idle) {
  TestServer& server = serve("echo", {"--drain-ms", "3600000"});
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(server.address());
  EXPECT_EQ(clients[0].converse("hello"), "hello");
  server.stop();
  for (Client& client : clients) EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.total("cut"), 0U);
}

TEST_P(Conformance, Stops_while_it_is_busy) {
  TestServer& server = serve("echo");
  Load load(server, serves_at_once(20) ? 20 : shape().clients_at_once());
  for (int i = 0; i < 200; ++i) load.push();
  server.stop();
  EXPECT_TRUE(load.all_see_the_end());
}

TEST_P(Conformance, Stops_while_it_sends_to_one_who_does_not_read) {
  TestServer& server = serve("flood");
  Client client(server.address());
  ASSERT_EQ(client.receive_line(), "ready\n");
  client.send("go");
  EXPECT_TRUE(eventually([&] { return client.unread() > 10'000; }));
  server.stop();
}

TEST_P(Conformance, Stops_while_a_handler_waits_for_several_things) {
  TestServer& upstream = serve("echo");
  TestServer& proxy = serve("proxy", {"--upstream", upstream.address()});
  TestServer& ticker = serve("two_things", {"--pause-ms", "3600000"});
  TestServer& sleeper = serve("late_echo", {"--pause-ms", "3600000"});
  Client through(proxy.address());
  EXPECT_EQ(through.converse("hello"), "hello");
  Client to_ticker(ticker.address());
  EXPECT_EQ(to_ticker.converse("hello"), "hello");
  Client to_sleeper(sleeper.address());
  to_sleeper.send("hello");
  to_sleeper.wait_until_delivered();
  sleeper.stop();
  ticker.stop();
  proxy.stop();
}

TEST_P(Conformance, Tells_handlers_that_the_server_stops) {
  TestServer& server = serve("polite");
  Client client(server.address());
  ASSERT_EQ(client.receive_line(), "welcome\n");
  server.signal(SIGTERM);
  EXPECT_TRUE(server.reports("cancelled"));
  EXPECT_TRUE(client.sees_end());
  server.wait();
}

// On fork with two threads a child kept the other thread's listener open: clients went on coming,
// and nobody was there to serve them.
TEST_P(Conformance, Refuses_new_clients_while_it_lets_a_session_end) {
  TestServer& server = serve("two_things", {"--pause-ms", "3600000", "--drain-ms", "60000"});
  Client client(server.address());
  ASSERT_EQ(client.converse("hello"), "hello");
  server.signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return refuses(server); }));
  EXPECT_EQ(client.converse("goes on"), "goes on");
  client.finish();
  EXPECT_EQ(client.receive_line(), " ticks 0\n");
  EXPECT_EQ(server.wait(), 0);
}

// On fork a stop in a handler was a word in a child's ear: the server went on.
TEST_P(Conformance, Stops_when_a_handler_says_so) {
  TestServer& server = serve("stops", {"--first-byte", "0"});
  Client client(server.address());
  ASSERT_EQ(client.converse("hello"), "hello");
  EXPECT_EQ(client.converse("stop"), "stop");
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.wait(), 0);
}

// On fork, and in worker processes, this was a word in a child's ear, too.
TEST_P(Conformance, Restarts_when_a_handler_says_so) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("stops", {"--service", "1"});
  Client client(server.address());
  EXPECT_EQ(client.converse("restart"), "restart");
  client.close();
  const auto has_taken_over = [&] { return count_in(server.errors(), "has taken over") > 0; };
  ASSERT_TRUE(eventually(has_taken_over)) << server.errors();
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
  ::kill(successor(server.errors()), SIGTERM);
  EXPECT_EQ(server.wait(), 0) << "the old one ends by itself";
}

// The stop took the file of the socket away, and the process that had taken over went on without.
TEST_P(Conformance, Leaves_its_address_to_its_successor_if_it_is_stopped_at_that_moment) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  const support::TemporaryDirectory directory;
  const std::string address = "unix:" + directory.path() + "/echo.sock";
  TestServer& server = serve("stops", {"--service", "1", "--log", "slow", "--listen", address});
  Client client(server.address());
  EXPECT_EQ(client.converse("restart"), "restart");
  client.close();
  const auto has_ended = [&] {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(server.pid()), &info, WEXITED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid != 0;
  };
  ASSERT_TRUE(eventually(has_ended)) << server.errors();
  ASSERT_EQ(count_in(server.errors(), "has taken over"), 1U) << server.errors();
  try {
    EXPECT_EQ(Client(address).converse("hello"), "hello");
  } catch (const std::system_error& error) { ADD_FAILURE() << error.what(); }
  ::kill(successor(server.errors()), SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_P(Conformance, Refuses_new_clients_once_a_handler_has_stopped_it) {
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("stops", {"--pause-ms", "3600000"});
  Client busy(server.address());
  ASSERT_EQ(busy.converse("hello"), "hello");
  busy.send("slow");
  busy.wait_until_delivered();
  EXPECT_EQ(Client(server.address()).converse("stop"), "stop");
  EXPECT_TRUE(eventually([&] { return refuses(server); }));
  EXPECT_FALSE(busy.has_answer());
}

TEST_P(Conformance, Stops_on_the_interrupt_key_too) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("echo");
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
  server.signal(SIGINT);
  server.wait();
}

TEST_P(Conformance, Stops_right_after_it_has_started) {
  for (int i = 0; i < 3; ++i) serve("echo").stop();
}

TEST_P(Conformance, Lets_sessions_end_before_the_deadline_of_a_stop) {
  if (!serves_at_once(3)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("stops", {"--pause-ms", "300"});
  Client busy(server.address());
  Client idle(server.address());
  EXPECT_EQ(busy.converse("hello"), "hello");
  EXPECT_EQ(idle.converse("hello"), "hello");
  busy.send("slow");
  busy.wait_until_delivered();
  {
    Client other(server.address());
    EXPECT_EQ(other.converse("stop"), "stop");
  }
  // Whoever waits for nothing but his client is told to go; the answer on its way is finished.
  EXPECT_TRUE(idle.sees_end());
  EXPECT_EQ(busy.receive(4), "slow");
  busy.finish();
  EXPECT_EQ(busy.receive_to_end(), "");
  EXPECT_EQ(server.wait(), 0);
}

// Between two of its pieces the client looked idle, and was sent away without the answer: one
// request in ten thousand, behind a proxy that passes 100,000 bytes on in several sends.
TEST_P(Conformance, Lets_a_request_that_comes_in_pieces_be_answered_when_it_stops) {
  TestServer& server = serve("lines", {"--drain-ms", "3600000"});
  Client client(server.address());
  std::string sent;
  const auto send_pieces = [&](int count) {
    for (int i = 0; i < count; ++i) {
      client.send(sent.append(1, 'x').substr(sent.size() - 1));
      support::rest(std::chrono::milliseconds(50));
    }
  };
  send_pieces(15);
  server.signal(SIGTERM);
  send_pieces(10);
  client.send("\n");
  EXPECT_EQ(client.receive_line(), "1:" + sent + "\n");
  EXPECT_TRUE(client.sees_end());  // Now he is idle.
  EXPECT_EQ(server.wait(), 0);
}

// The same of one that is answered piece by piece: to the server each could be the last.
TEST_P(Conformance, Lets_an_answer_in_pieces_go_on_when_it_stops) {
  if (!shape().simulated)
    GTEST_SKIP() << "on a busy machine a pause can last longer than it says";
  TestServer& server = serve("echo", {"--drain-ms", "3600000"});
  Client client(server.address());
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(client.converse("hello"), "hello");
    if (i == 10) server.signal(SIGTERM);
    support::rest(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.wait(), 0);
}

// Its last numbers, from before the handler blocked for good, stayed as they were: a connection
// that was accepted, and never closed.
TEST_P(Conformance, Counts_as_lost_whom_a_worker_served_that_had_to_be_killed) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  if (shape().kind != weir::WorkerKind::process) GTEST_SKIP() << workers_are_threads;
  if (!shape().is_loop()) GTEST_SKIP() << handlers_may_block;
  TestServer& server = serve("blocks", {"--until-file", "/nowhere", "--stall-after", "0"});
  Client client(server.address());
  client.send("receive");
  client.wait_until_delivered();
  support::rest(std::chrono::milliseconds(200));  // Until the handler has it, and blocks.
  server.signal(SIGTERM);
  server.signal(SIGTERM);  // At once: whatever still runs is cut, and then killed.
  EXPECT_EQ(server.wait(), 3);
  EXPECT_EQ(server.total("lost"), 1U);
}

TEST_P(Conformance, Starts_again_at_once_on_the_same_port) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  std::string address = "127.0.0.1:0";
  for (int i = 0; i < 3; ++i) {
    TestServer& server = serve("sender", {"--size", "10", "--listen", address});
    address = server.address();
    // The server is the one that closes, so its end stays behind in TIME_WAIT.
    EXPECT_EQ(Client(address).receive_to_end().size(), 10U);
    server.stop();
  }
}

}  // namespace
}  // namespace conformance
