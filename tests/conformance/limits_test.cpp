// limits_test.cpp - what clients cost that are silent, or do not read.
#include <signal.h>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

TEST_P(SingleWorker, Uses_hardly_any_CPU_while_its_clients_are_silent) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  TestServer& server = serve("echo");
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.address());
  EXPECT_EQ(clients[0].converse("hello"), "hello");
  const auto before = support::cpu_time(server.group());
  support::rest(1s);
  const auto used = support::cpu_time(server.group()) - before;
  // Nonblocking has nobody to wake it: it looks again every millisecond.
  EXPECT_LE(used, shape().model == weir::Model::nonblocking ? 300ms : 50ms);
}

TEST_P(SingleWorker, Uses_hardly_any_CPU_for_a_client_that_was_reset_while_nobody_waited) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  TestServer& server = serve("late_echo", {"--pause-ms", "1500"});
  Client client(server.address());
  client.send("x");
  client.wait_until_delivered();
  client.reset();
  const auto before = support::cpu_time(server.group());
  support::rest(1s);
  const auto used = support::cpu_time(server.group()) - before;
  EXPECT_LE(used, shape().model == weir::Model::nonblocking ? 300ms : 50ms);
}

/// How much a server's memory grows while `act` runs and until the client's end is quiet.
template <class Act>
std::size_t growth(const TestServer& server, Act act) {
  const std::size_t before = support::memory(server.group());
  act();
  const std::size_t after = support::memory(server.group());
  return after > before ? after - before : 0;
}

constexpr std::size_t mebibyte = 1024 * 1024;

TEST_P(Conformance, Queues_no_more_for_a_client_than_the_high_water_mark) {
  // For as long as it takes to fill the kernel's buffers.
  const std::string pause_ms = support::sanitized() ? "5000" : "300";
  TestServer& server =
      serve("outbox", {"--piece", "1000", "--outbox-high", "20000", "--pause-ms", pause_ms});
  const Client client(server.address());
  const std::string said = server.says_after("outbox ");
  EXPECT_GT(std::stoul(said), 0U) << "the kernel took all of it";
  EXPECT_LE(std::stoul(said), 21'000U);
}

// What a resume may do inline is used up: the handler goes to the end of the queue, and is counted.
TEST_P(Conformance, Stops_a_handler_at_its_budget_and_counts_it) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("echo", {"--budget-operations", "1"});
  // All of it is there before the handler begins: there is always one more receive to do at once.
  ASSERT_EQ(::kill(-server.group(), SIGSTOP), 0);
  Client client(server.address());
  const std::string sent = random_bytes(1, 50'000);
  client.send(sent);
  ASSERT_EQ(::kill(-server.group(), SIGCONT), 0);
  EXPECT_TRUE(client.receive(sent.size()) == sent);
  client.close();
  server.stop();
  if (shape().is_loop()) {
    EXPECT_GT(server.total("budget_stops"), 0U);
  } else {
    EXPECT_EQ(server.total("budget_stops"), 0U) << "blocking models have no queue";
  }
}

TEST_P(SingleWorker, Keeps_little_for_a_client_that_does_not_read) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (support::sanitized()) GTEST_SKIP() << "memory means nothing under a sanitizer";
  for (const char* piece : {"1000", "65536", "4194304"}) {
    TestServer& server = serve("flood", {"--piece", piece});
    Client client(server.address());
    ASSERT_EQ(client.receive_line(), "ready\n");
    const std::size_t grown = growth(server, [&] {
      client.send("go");
      EXPECT_TRUE(eventually([&] { return client.unread() > 10'000; }));
      support::settled([&] { return client.unread(); });
    });
    EXPECT_LT(grown, mebibyte) << "bytes, with pieces of " << piece;
  }
}

TEST_P(SingleWorker, Keeps_little_for_a_client_that_sends_and_does_not_read) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (support::sanitized()) GTEST_SKIP() << "memory means nothing under a sanitizer";
  TestServer& server = serve("echo");
  const std::string filler(64 * 1024, '.');
  // The first such client touches buffers that a model keeps for all of them.
  for (const bool counts : {false, true}) {
    Client client(server.address());
    ASSERT_EQ(client.converse("hello"), "hello");
    std::size_t sent = 0;
    const std::size_t grown = growth(
        server, [&] { support::settled([&] { return sent += client.send_some(filler); }); });
    EXPECT_TRUE(!counts || grown < mebibyte) << grown << " bytes, the client sent " << sent;
    client.reset();
  }
}

TEST_P(SingleWorker, Serves_clients_that_send_at_once_while_handlers_keep_what_came) {
  if (!serves_at_once(60)) GTEST_SKIP() << one_at_a_time;
  constexpr std::size_t each = 200'000;
  TestServer& server = serve("keep_chunks");
  std::vector<Client> clients;
  for (int i = 0; i < 60; ++i) clients.emplace_back(server.address());
  // Small pieces, so that each takes a buffer: more than any ring of them holds.
  for (std::size_t at = 0; at < each; at += 2000) {
    for (std::size_t i = 0; i < clients.size(); ++i) clients[i].send(random_bytes(i + at, 2000));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].finish();
    for (std::size_t at = 0; at < each; at += 2000) {
      ASSERT_TRUE(clients[i].receive(2000) == random_bytes(i + at, 2000)) << i << " at " << at;
    }
    EXPECT_EQ(clients[i].receive_to_end(), "");
  }
}

}  // namespace
}  // namespace conformance
