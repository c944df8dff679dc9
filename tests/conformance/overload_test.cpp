// overload_test.cpp - more clients than a server can take, or may.
#include <algorithm>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

// io-uring accepts by itself, as long as it is let.
TEST_P(SingleWorker, Leaves_those_for_whom_there_is_no_room_in_the_backlog) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (!shape().is_loop()) GTEST_SKIP() << "a worker that is busy does not accept";
  TestServer& server = serve("echo", {"--connections-max", "1"});
  Client served(server.address());
  EXPECT_EQ(served.converse("x"), "x");
  const std::size_t before = support::descriptors(server.pid());
  std::vector<Client> others = clients_that_ask(server, 100);
  support::rest(200ms);
  EXPECT_LE(support::descriptors(server.pid()), before + 20);
  served.close();
  EXPECT_EQ(answered_as_others_leave(others), 100U);
}

// io-uring took all of them with it when it stopped, and had no room for any.
TEST_P(SingleWorker, Leaves_its_backlog_to_the_one_that_takes_over_when_it_is_full) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("stops", {"--service", "1", "--connections-max", "1", "--pause-ms",
                                       "3600000", "--drain-ms", "100"});
  Client busy(server.address());
  busy.send("slow");
  busy.wait_until_delivered();
  support::rest(100ms);
  const std::vector<Client> others = clients_that_ask(server, 20);
  support::rest(100ms);
  server.signal(SIGUSR2);
  EXPECT_TRUE(eventually([&] { return answered(others) > 0; })) << server.errors();
  ::kill(successor(server.errors()), SIGTERM);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 3) << "the busy one is cut";
}

/// Whether it is answered, and not turned away.
bool is_served(Client client) {
  try {
    client.send("x");
    return client.receive(1) == "x";
  } catch (const std::system_error&) { return false; }  // Closed with a byte unread: a reset.
}

// --- connections_max -------------------------------------------------------------------------

TEST_P(Conformance, Serves_no_more_clients_at_once_than_connections_max) {
  TestServer& server = serve("echo", {"--connections-max", "8"});
  std::vector<Client> clients = clients_that_ask(server, 24);
  const std::size_t at_once = std::min<std::size_t>(8, shape().clients_at_once());
  EXPECT_TRUE(eventually([&] { return answered(clients) >= at_once; }));
  EXPECT_EQ(support::settled([&] { return answered(clients); }), at_once);
  EXPECT_EQ(answered_as_others_leave(clients), 24U);
}

TEST_P(Conformance, Serves_fewer_clients_than_it_has_workers_if_connections_max_says_so) {
  TestServer& server = serve("echo", {"--connections-max", "1"});
  std::vector<Client> clients = clients_that_ask(server, 6);
  EXPECT_TRUE(eventually([&] { return answered(clients) >= 1; }));
  EXPECT_EQ(support::settled([&] { return answered(clients); }), 1U);
  EXPECT_EQ(answered_as_others_leave(clients), 6U);
}

TEST_P(Conformance, Turns_clients_away_beyond_connections_max_when_it_is_to_reject) {
  if (!serves_at_once(4)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("echo", {"--connections-max", "4", "--reject", "1"});
  std::vector<Client> served;
  for (int i = 0; i < 4; ++i) {
    served.emplace_back(server.address());
    ASSERT_EQ(served.back().converse("hello"), "hello");
  }
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(Client(server.address()).sees_end());
  EXPECT_EQ(served[0].converse("still there"), "still there");
  served.pop_back();
  EXPECT_TRUE(eventually([&] { return is_served(Client(server.address())); }));
  served.clear();
  server.stop();
  EXPECT_GE(server.total("refused_full"), 6U);
  EXPECT_GE(count_in(server.errors(), "further ones are refused"), 1U);
  EXPECT_LE(count_in(server.errors(), "further ones are refused"), shape().workers);
}

// --- connections_per_address -----------------------------------------------------------------

Client client_from(const TestServer& server, const std::string& address) {
  return Client(server.address(), {.from = address + ":0"});
}

TEST_P(Conformance, Serves_no_more_clients_of_an_address_than_it_may) {
  if (!serves_at_once(4)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("echo", {"--connections-per-address", "3"});
  std::vector<Client> served;
  for (int i = 0; i < 3; ++i) {
    served.push_back(client_from(server, "127.0.0.2"));
    ASSERT_EQ(served.back().converse("hello"), "hello");
  }
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client_from(server, "127.0.0.2").sees_end());
  EXPECT_EQ(client_from(server, "127.0.0.3").converse("another address"), "another address");
  served.pop_back();
  EXPECT_TRUE(eventually([&] { return is_served(client_from(server, "127.0.0.2")); }));
  EXPECT_EQ(served[0].converse("still there"), "still there");
  served.clear();
  server.stop();
  EXPECT_GE(server.total("refused_address"), 3U);
}

// --- out of descriptors ----------------------------------------------------------------------

constexpr const char* keeps_no_descriptors = "its parent keeps no descriptor of a client";

struct Crowd {
  std::vector<Client> served;
  std::vector<Client> queued;
};

/// Clients until the server has no descriptor left, and then more.
Crowd crowd(const TestServer& server, std::size_t queued) {
  Crowd result;
  std::vector<Client> all = clients_that_ask(server, 70 * 2);
  support::settled([&] { return answered(all); });
  for (Client& client : all) {
    (client.has_answer() ? result.served : result.queued).push_back(std::move(client));
  }
  for (Client& client : result.served) client.receive(1);
  while (result.queued.size() < queued) {
    result.queued.emplace_back(server.address());
    result.queued.back().send("x");
  }
  return result;
}

Child::Options with_few_descriptors() {
  return {.before_exec = [] { support::limit_descriptors(64); }};
}

std::chrono::milliseconds cpu_over(const TestServer& server, std::chrono::milliseconds duration) {
  const auto before = support::cpu_time(server.group());
  support::rest(duration);
  return support::cpu_time(server.group()) - before;
}

// Out of descriptors, accept(2) fails and the connection stays in the queue: whoever asks again
// at once is told again at once, and turns in circles.
TEST_P(Conformance, Rests_when_it_has_no_descriptor_left) {
  if (shape().simulated) GTEST_SKIP() << no_descriptor_limit;
  if (shape().model == weir::Model::fork) GTEST_SKIP() << keeps_no_descriptors;
  if (shape().model == weir::Model::iterative) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("echo", {"--connections-max", "1000"}, with_few_descriptors());
  Crowd clients = crowd(server, 200);
  ASSERT_GE(clients.served.size(), 20U);
  const std::chrono::milliseconds duration = support::full() ? 5s : 1s;
  // Nonblocking asks silent clients in turn, whether others wait or not: that is not counted.
  std::chrono::milliseconds by_nature{0};
  if (shape().model == weir::Model::nonblocking) {
    TestServer& calm = serve("echo");
    const std::vector<Client> silent = clients_that_ask(calm, clients.served.size());
    support::settled([&] { return answered(silent); });
    by_nature = cpu_over(calm, duration);
  }
  const auto used = cpu_over(server, duration);
  // proc(5) counts in steps of 10 ms for each process.
  const auto step = 10ms * shape().workers;
  // What is natural was measured at another moment, when the machine was more or less busy.
  EXPECT_LE(used, duration / 100 + 2 * step + by_nature * 5 / 2)
      << "of CPU in " << duration.count() << " ms";
  std::printf("out of descriptors with %zu queued: %lld ms of CPU in %lld ms, %lld by nature\n",
              clients.queued.size(), static_cast<long long>(used.count()),
              static_cast<long long>(duration.count()),
              static_cast<long long>(by_nature.count()));
  EXPECT_EQ(clients.served[0].converse("goes on"), "goes on");
  EXPECT_LE(count_in(server.errors(), "cannot accept"), shape().workers);
  clients.served.clear();
  const std::size_t queued = clients.queued.size();
  EXPECT_EQ(answered_as_others_leave(clients.queued), queued);
}

TEST_P(Conformance, Tells_clients_at_once_that_it_has_no_descriptor_left_if_it_is_to_reject) {
  if (shape().simulated) GTEST_SKIP() << no_descriptor_limit;
  if (shape().model == weir::Model::fork) GTEST_SKIP() << keeps_no_descriptors;
  if (shape().model == weir::Model::iterative) GTEST_SKIP() << one_at_a_time;
  TestServer& server =
      serve("echo", {"--connections-max", "1000", "--reject", "1"}, with_few_descriptors());
  Crowd clients = crowd(server, 0);
  ASSERT_GE(clients.served.size(), 20U);
  ASSERT_GE(clients.queued.size(), 20U);
  // Nobody waits: whoever is not answered is told.
  for (Client& client : clients.queued) client.answered_or_ended();
  EXPECT_EQ(clients.served[0].converse("goes on"), "goes on");
  clients.served.erase(clients.served.begin() + 1, clients.served.end());
  EXPECT_TRUE(eventually([&] { return is_served(Client(server.address())); }));
  clients.served.clear();
  server.stop();
  EXPECT_GE(server.total("refused_descriptors"), 1U);
}

}  // namespace
}  // namespace conformance
