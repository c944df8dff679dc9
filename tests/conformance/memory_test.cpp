// memory_test.cpp - what a server's buffers hold, by its own statistics, and the limit of it.
#include <algorithm>
#include <span>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t mebibyte = 1024 * 1024;

/// So small that the kernel does not take the server's outbox over.
Client slow_client(const TestServer& server, int receive_buffer = 4096) {
  return Client(server.address(), {.receive_buffer = receive_buffer});
}

TEST_P(Conformance, Counts_no_more_than_the_high_water_mark_for_a_reader_that_never_reads) {
  TestServer& server = serve("flood", {"--piece", "1000", "--outbox-high", "20000"});
  Client client = slow_client(server);
  ASSERT_EQ(client.receive_line(), "ready\n");
  client.send("go");
  EXPECT_TRUE(eventually([&] { return client.unread() > 1000; }));
  support::settled([&] { return client.unread(); });
  support::rest(200ms);
  client.reset();
  server.stop();
  EXPECT_GT(server.total("outbox_bytes_peak"), 0U) << "the kernel took all of it";
  EXPECT_LE(server.total("outbox_bytes_peak"), 21'000U);
  EXPECT_EQ(server.total("outbox_bytes"), 0U);
  EXPECT_EQ(server.total("buffers"), 0U);
}

// Readers that stop fill the memory; when they go on, everybody gets everything.
TEST_P(Conformance, Keeps_to_memory_max_and_goes_on_when_readers_do) {
  constexpr std::size_t size = 6'000'000;
  constexpr unsigned count = 8;
  TestServer& server =
      serve("sender", {"--size", std::to_string(size), "--piece", "3000", "--outbox-high",
                       "300000", "--memory-max", std::to_string(mebibyte)});
  std::vector<Client> clients;
  for (unsigned i = 0; i < count; ++i) clients.emplace_back(server.address());
  support::settled([&] { return answered(clients); });
  support::rest(100ms);
  const std::string expected = random_bytes(1, size);
  for (Client& client : clients) {
    EXPECT_TRUE(client.receive_to_end() == expected);
    client.close();
  }
  server.stop();
  // What each engine may have beyond the limit: its four buffers, and one that was staged.
  const bool engine_each =
      shape().model == weir::Model::threads || shape().model == weir::Model::fork;
  const std::size_t engines = engine_each ? count + 2 : shape().workers;
  EXPECT_LE(server.total("buffer_bytes_peak"), mebibyte + engines * 5 * 4200);
  EXPECT_EQ(server.total("outbox_bytes"), 0U);
  EXPECT_EQ(server.total("buffers"), 0U);
  std::printf("memory_max 1 MiB: %zu bytes at most, %zu waits\n",
              server.total("buffer_bytes_peak"), server.total("memory_waits"));
  if (shape().is_loop()) {
    EXPECT_GT(server.total("memory_waits"), 0U);
    EXPECT_GT(server.total("buffer_bytes_peak"), mebibyte * 9 / 10);
  }
}

/// Clients, each of whom has been greeted.
std::vector<Client> greeted(const TestServer& server, unsigned count, int receive_buffer) {
  std::vector<Client> clients;
  for (unsigned i = 0; i < count; ++i) {
    clients.push_back(slow_client(server, receive_buffer));
    EXPECT_EQ(clients.back().receive_line(), "ready\n");
  }
  return clients;
}

// Those that waited for memory were not looked at again while the limit was reached, though the few
// buffers that an engine may have beyond it came back; and whoever came later overtook them.
TEST_P(SingleWorker, Serves_in_their_order_those_who_wait_for_memory_that_others_fill) {
  if (!shape().is_loop()) GTEST_SKIP() << "each of its clients may go beyond the limit";
  TestServer& server = serve("floods_or_holds", {"--piece", "1000", "--pause-ms", "20",
                                                 "--memory-max", std::to_string(mebibyte)});
  std::vector<Client> quiet = greeted(server, 12, 65536);
  std::vector<Client> greedy = greeted(server, 40, 4096);
  for (Client& client : greedy) client.send("flood");
  EXPECT_TRUE(eventually([&] { return answered(greedy) == greedy.size(); }));
  for (Client& client : greedy) support::settled([&] { return client.unread(); }, 20ms);

  for (Client& client : quiet) client.send("hello");
  for (Client& client : quiet) EXPECT_EQ(client.receive(5), "hello");
  // Some always have more to say when they are answered.
  const auto speakers = std::span(quiet).first(8), others = std::span(quiet).subspan(8);
  for (Client& client : others) client.send("hello");
  EXPECT_TRUE(eventually([&] {
    for (Client& client : speakers) {
      client.send_some("x");
      client.receive_now();
    }
    return std::ranges::all_of(others, [](Client& client) { return client.has_answer(); });
  }));
  for (Client& client : greedy) client.reset();
  server.stop();
  EXPECT_EQ(server.total("buffers"), 0U);
  EXPECT_GT(server.total("memory_waits"), 0U);
}

TEST_P(SingleWorker, Turns_clients_away_near_memory_max_when_it_is_to_reject) {
  if (!shape().is_loop()) GTEST_SKIP() << "its clients have few buffers each, and beyond it some";
  TestServer& server =
      serve("flood", {"--piece", "3000", "--outbox-high", "2000000", "--memory-max",
                      std::to_string(mebibyte), "--reject", "1"});
  // A new one is greeted as long as it is served.
  const auto is_greeted = [](Client& client) {
    try {
      return client.receive(6) == "ready\n";
    } catch (const std::system_error&) { return false; }
  };
  // Where a client gets stuck some memory may be left, for the next one. Each takes another amount,
  // or all could get stuck at the same place.
  std::vector<Client> dead;
  EXPECT_TRUE(eventually([&] {
    dead.push_back(slow_client(server, 4096 + 2000 * static_cast<int>(dead.size())));
    if (!is_greeted(dead.back())) return true;
    dead.back().send("go");
    EXPECT_TRUE(eventually([&] { return dead.back().unread() > 1000; }));
    support::settled([&] { return dead.back().unread(); });
    return false;
  }));
  for (Client& client : dead) client.reset();
  EXPECT_TRUE(eventually([&] {
    Client next(server.address());
    return is_greeted(next);
  })) << "not served again when the memory is back";
  server.stop();
  EXPECT_GE(server.total("refused_memory"), 1U);
}

// Each of them had its answer in a buffer until all had been accepted.
TEST_P(SingleWorker, Takes_no_buffer_for_each_of_those_who_have_asked_before_they_are_accepted) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  if (!shape().is_loop()) GTEST_SKIP() << "each of its clients has an engine of its own";
  TestServer& server = serve("echo");
  ASSERT_EQ(::kill(-server.group(), SIGSTOP), 0);
  std::vector<Client> clients = clients_that_ask(server, 40);
  ASSERT_EQ(::kill(-server.group(), SIGCONT), 0);
  for (Client& client : clients) EXPECT_EQ(client.receive(1), "x");
  clients.clear();
  server.stop();
  EXPECT_EQ(server.total("outbox_bytes_peak"), 0U);
}

TEST_P(Conformance, Counts_its_connections_and_events) {
  TestServer& server = serve("echo");
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    if (!serves_at_once(3)) clients.clear();
    clients.emplace_back(server.address());
    ASSERT_EQ(clients.back().converse("hello"), "hello");
  }
  clients.clear();
  server.stop();
  EXPECT_GE(server.total("open_peak"), serves_at_once(3) ? 3U : 1U);
  EXPECT_LE(server.total("open_peak"), 3U);
  EXPECT_GT(server.total("turns"), 0U);
  // Each leaves. They may have come, and asked, before the turn that would have told of it.
  EXPECT_GE(server.total("events"), 3U);
  EXPECT_EQ(server.total("ended"), 3U);
}

TEST_P(SingleWorker, Counts_a_peer_that_takes_none_of_the_last_bytes_as_timed_out) {
  TestServer& server = serve("sender", {"--size", "60000", "--piece", "3000", "--linger-ms",
                                        "300", "--outbox-high", "8000000"});
  // Enough for both kernels to be full when the handler returns.
  TestServer& full = serve("sender", {"--size", "8000000", "--piece", "3000", "--linger-ms",
                                      "300", "--outbox-high", "9000000"});
  Client polite(server.address());
  EXPECT_EQ(polite.receive_to_end().size(), 60'000U);
  polite.close();
  server.stop();
  EXPECT_EQ(server.total("timed_out"), 0U);
  Client dead = slow_client(full);
  EXPECT_TRUE(eventually([&] { return dead.was_reset(); }));
  dead.close();
  full.stop();
  EXPECT_EQ(full.total("timed_out_linger"), 1U);
  EXPECT_EQ(full.total("timed_out"), 1U);
  EXPECT_EQ(full.total("cut"), 0U);
}

}  // namespace
}  // namespace conformance
