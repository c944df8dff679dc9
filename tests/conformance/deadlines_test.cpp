// deadlines_test.cpp - clients that are too slow for Options' deadlines, and those that are not.
#include <algorithm>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

// One tick is a quarter of a second: these are the shortest that mean something.
constexpr const char* brief = "400";

TEST_P(SingleWorker, Ends_a_client_that_connects_and_says_nothing) {
  TestServer& server = serve("echo", {"--first-byte", brief});
  Client client(server.address());
  const auto start = support::Clock::now();
  EXPECT_TRUE(client.sees_end());
  EXPECT_GE(support::Clock::now() - start, 400ms) << "too early";
  EXPECT_EQ(Client(server.address()).converse("the next one"), "the next one");
  server.stop();
  EXPECT_EQ(server.total("timed_out_first_byte"), 1U);
  EXPECT_EQ(server.total("timed_out"), 1U);
}

TEST_P(SingleWorker, Ends_a_client_that_has_spoken_and_falls_silent) {
  TestServer& server = serve("echo", {"--idle", brief});
  Client client(server.address());
  EXPECT_EQ(client.converse("hello"), "hello");
  const auto start = support::Clock::now();
  EXPECT_TRUE(client.sees_end());
  EXPECT_GE(support::Clock::now() - start, 400ms) << "too early";
  server.stop();
  EXPECT_EQ(server.total("timed_out_idle"), 1U);
}

TEST_P(SingleWorker, Spares_a_client_that_goes_on_speaking) {
  TestServer& server = serve("echo", {"--idle", "1000", "--first-byte", "1000"});
  Client client(server.address());
  for (int i = 0; i < 8; ++i) {
    support::rest(200ms);
    ASSERT_EQ(client.converse("still here"), "still here");
  }
  client.close();
  server.stop();
  EXPECT_EQ(server.total("timed_out"), 0U);
}

TEST_P(SingleWorker, Ends_a_client_that_takes_nothing_of_what_waits_for_it) {
  TestServer& server = serve("flood", {"--send", brief, "--idle", "0"});
  Client client(server.address());
  ASSERT_EQ(client.receive_line(), "ready\n");
  client.send("go");
  EXPECT_TRUE(eventually([&] { return client.unread() > 10'000; }));
  EXPECT_TRUE(eventually([&] { return client.was_reset(); }));
  server.stop();
  EXPECT_EQ(server.total("timed_out_send"), 1U);
}

/// So many bytes, a piece at a time.
std::string receive_slowly(Client& client, std::size_t size, std::size_t piece,
                           std::chrono::milliseconds pause) {
  std::string got;
  while (got.size() < size) {
    const std::string part = client.receive(std::min(piece, size - got.size()));
    EXPECT_FALSE(part.empty()) << "after " << got.size() << " bytes";
    if (part.empty()) break;
    got += part;
    support::rest(pause);
  }
  return got;
}

// A client that reads steadily takes something all the time, however long the whole of it lasts. On
// io-uring a send told of nothing until all of it was taken, and the client was reset.
TEST_P(SingleWorker, Spares_a_client_that_reads_a_large_message_slowly) {
  constexpr std::size_t size = 12'000'000, piece = 100'000;
  TestServer& server =
      serve("sender", {"--size", std::to_string(size), "--piece", std::to_string(size), "--send",
                       "1000", "--idle", "1000", "--first-byte", "0", "--linger-ms", "1000"});
  Client client(server.address(), {.receive_buffer = 65536});
  const std::string got = receive_slowly(client, size, piece, 20ms);
  EXPECT_TRUE(got == random_bytes(1, size));
  EXPECT_EQ(client.receive_to_end(), "");
  client.close();
  server.stop();
  EXPECT_EQ(server.total("timed_out"), 0U);
  EXPECT_EQ(server.total("ended"), 1U);
}

// The kernel asks for more only when a third of its buffer is free: for longer than the deadline
// nothing leaves the outbox, though the client takes a piece now and then.
TEST_P(SingleWorker, Spares_a_client_that_reads_more_slowly_than_the_kernel_asks_for_more) {
  constexpr std::size_t size = 6'000'000, slowly = 2'000'000, piece = 25'000;
  TestServer& server =
      serve("sender", {"--size", std::to_string(size), "--piece", "3000", "--send", "1000",
                       "--idle", "1000", "--first-byte", "0", "--linger-ms", "1000"});
  Client client(server.address(), {.receive_buffer = 65536});
  std::string got = receive_slowly(client, slowly, piece, 50ms);
  got += client.receive_to_end();
  EXPECT_TRUE(got == random_bytes(1, size)) << got.size() << " bytes";
  client.close();
  server.stop();
  EXPECT_EQ(server.total("timed_out"), 0U);
}

TEST_P(SingleWorker, Ends_a_client_that_is_spoken_to_and_never_answers) {
  // What is sent to it keeps it from being idle.
  TestServer& server =
      serve("chatters", {"--receive", brief, "--idle", "5000", "--pause-ms", "50"});
  Client client(server.address());
  client.send("x");
  const auto start = support::Clock::now();
  const std::string got = client.receive_to_end();
  EXPECT_GE(support::Clock::now() - start, 400ms) << "too early";
  EXPECT_GE(got.size(), 5 * 4U) << "it was spoken to meanwhile";
  server.stop();
  EXPECT_EQ(server.total("timed_out_receive"), 1U);
  EXPECT_EQ(server.total("timed_out"), 1U);
}

TEST_P(SingleWorker, Ends_a_connection_that_has_lasted_too_long_however_busy_it_is) {
  TestServer& server = serve("echo", {"--connection", brief});
  Client client(server.address());
  const auto start = support::Clock::now();
  std::size_t answers = 0;
  try {
    while (client.converse("still here") == "still here") {
      ++answers;
      support::rest(20ms);
    }
  } catch (const std::system_error&) {}  // It spoke when the server had ended.
  EXPECT_GE(support::Clock::now() - start, 400ms) << "too early";
  EXPECT_GT(answers, 1U);
  client.close();
  server.stop();
  EXPECT_EQ(server.total("timed_out_connection"), 1U);
  EXPECT_EQ(server.total("timed_out"), 1U);
}

TEST_P(SingleWorker, Keeps_no_deadline_that_is_off) {
  TestServer& server = serve("echo", {"--first-byte", "0", "--idle", "0", "--receive", "0",
                                      "--send", "0", "--connection", "0"});
  Client client(server.address());
  support::rest(600ms);
  EXPECT_EQ(client.converse("hello"), "hello");
}

// A client is ended where the handler waits, and learns nothing that the handler did not send.
TEST_P(SingleWorker, Ends_many_silent_clients_and_leaves_those_who_speak) {
  if (!serves_at_once(60)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("echo", {"--first-byte", brief, "--idle", "5000"});
  Client polite(server.address());
  std::vector<Client> silent;
  for (int i = 0; i < 50; ++i) {
    silent.emplace_back(server.address());
    ASSERT_EQ(polite.converse("x"), "x");
  }
  for (Client& client : silent) EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(polite.converse("still here"), "still here");
  polite.close();
  server.stop();
  EXPECT_EQ(server.total("timed_out_first_byte"), 50U);
  EXPECT_EQ(server.total("timed_out"), 50U);
}

}  // namespace
}  // namespace conformance
