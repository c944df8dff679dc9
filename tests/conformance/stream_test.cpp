// stream_test.cpp - bytes arrive as they were sent: all of them, in order, once.
#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

TEST_P(Conformance, Gives_back_messages_of_random_sizes_byte_for_byte) {
  TestServer& server = serve("echo");
  Client client(server.address());
  support::Random random(1);
  for (std::size_t limit = 1; limit <= 4 * mebibyte; limit *= 4) {
    const std::string sent = random_bytes(random.next(), random.between(1, limit));
    ASSERT_TRUE(client.converse(sent) == sent) << "a message of " << sent.size() << " bytes";
  }
}

TEST_P(Conformance, Gives_back_sixteen_mebibytes_byte_for_byte) {
  const std::string sent = random_bytes(2, 16 * mebibyte);
  TestServer& server = serve("echo");
  EXPECT_TRUE(Client(server.address()).converse(sent) == sent);
}

TEST_P(Conformance, Sends_a_chunk_that_is_given_away_byte_for_byte) {
  TestServer& server = serve("echo_moved");
  Client client(server.address());
  for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, 4 * mebibyte}) {
    const std::string sent = random_bytes(size, size);
    ASSERT_TRUE(client.converse(sent) == sent) << "a message of " << size << " bytes";
  }
}

TEST_P(Conformance, Gives_back_chunks_that_the_handler_kept_for_long) {
  const std::string sent = random_bytes(3, 2 * mebibyte);
  TestServer& server = serve("keep_chunks");
  Client client(server.address());
  client.send(sent);
  client.finish();
  EXPECT_TRUE(client.receive_to_end() == sent);
}

TEST_P(Conformance, Understands_a_client_that_sends_one_byte_at_a_time) {
  TestServer& server = serve("lines");
  Client client(server.address());
  for (const char byte : std::string("one by one\n")) {
    client.send(std::string_view(&byte, 1));
    client.wait_until_delivered();
  }
  EXPECT_EQ(client.receive_line(), "1:one by one\n");
}

TEST_P(Conformance, Receives_from_a_handler_that_reads_slowly) {
  TestServer& server = serve("slow_consumer", {"--pause-ms", "1"});
  Client client(server.address());
  client.send(random_bytes(4, mebibyte));
  client.finish();
  EXPECT_EQ(client.receive_to_end(), std::to_string(mebibyte) + "\n");
}

TEST_P(Conformance, Answers_pipelined_requests_in_order_and_together) {
  std::string requests;
  std::string answers;
  for (int i = 1; i <= 1000; ++i) {
    requests += "request\n";
    answers += std::to_string(i) + ":request\n";
  }
  TestServer& server = serve("lines");
  {
    Client client(server.address());
    client.send(requests);
    EXPECT_EQ(client.receive(answers.size()), answers);
  }
  server.stop();
  // The budget lets a handler go on 64 times; each time what it queued goes out in one call.
  EXPECT_LT(server.total("sends"), 200U);
}

TEST_P(Conformance, Sends_several_pieces_as_one) {
  constexpr int rounds = 50;
  TestServer& server = serve("lines");
  {
    Client client(server.address());
    for (int i = 1; i <= rounds; ++i) {
      client.send("x\n");
      ASSERT_EQ(client.receive_line(), std::to_string(i) + ":x\n");
    }
  }
  server.stop();
  EXPECT_LE(server.total("sends"), rounds + 2U);
}

TEST_P(Conformance, Reads_a_million_bytes_one_by_one_without_losing_one) {
  const std::string sent = random_bytes(5, 1'000'000);
  std::size_t sum = 0;
  for (const char byte : sent) sum += static_cast<unsigned char>(byte);
  TestServer& server = serve("byte_by_byte", {"--size", std::to_string(sent.size())});
  Client client(server.address());
  client.send(sent);
  EXPECT_EQ(client.receive_line(), std::to_string(sum) + "\n");
}

TEST_P(Conformance, Holds_conversations_with_a_hundred_clients_at_once) {
  if (!serves_at_once(100)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("echo");
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(server.address());
  for (std::uint64_t round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i)
      clients[i].send(random_bytes(i + round, 1000));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      ASSERT_TRUE(clients[i].receive(1000) == random_bytes(i + round, 1000)) << "client " << i;
    }
  }
}

TEST_P(Conformance, Serves_a_hundred_clients_that_come_at_once_and_leave) {
  TestServer& server = serve("echo");
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(server.address());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].send(random_bytes(i, 1000));
    clients[i].finish();
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    ASSERT_TRUE(clients[i].receive_to_end() == random_bytes(i, 1000)) << "client " << i;
  }
}

TEST_P(Conformance, Does_not_hang_when_urgent_data_cuts_a_read_short) {
  if (shape().simulated) GTEST_SKIP() << no_urgent_data;
  TestServer& server = serve("echo");
  Client client(server.address());
  for (std::uint64_t round = 0; round < 50; ++round) {
    // recv(2) stops short before the urgent byte, which is a byte of the stream (RFC 6093).
    const std::string before = random_bytes(round, 700);
    const std::string after = random_bytes(round + 1000, 900);
    client.send(before);
    client.send_urgent('!');
    client.send(after);
    ASSERT_TRUE(client.receive(before.size() + 1 + after.size()) == before + '!' + after);
  }
}

TEST_P(SingleWorker, Serves_as_the_textbook_does_when_told_to_send_when_writable) {
  if (!shape().is_loop() || shape().model == weir::Model::io_uring) {
    GTEST_SKIP() << "has no readiness to ask for before it sends";
  }
  const std::string sent = random_bytes(6, 2 * mebibyte);
  TestServer& server = serve("echo", {"--send-when-writable", "1"});
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(server.address());
  for (Client& client : clients) ASSERT_EQ(client.converse("hello"), "hello");
  for (Client& client : clients) ASSERT_TRUE(client.converse(sent) == sent);
  clients.clear();
  Client last(server.address());
  last.send("and the last bytes");
  last.finish();
  EXPECT_EQ(last.receive_to_end(), "and the last bytes");
}

// Those who come while it spins, and those who come when it has gone to sleep.
TEST_P(SingleWorker, Serves_everybody_when_told_to_spin_before_it_sleeps) {
  if (!shape().is_loop()) GTEST_SKIP() << "sleeps in the call itself";
  const std::string sent = random_bytes(8, 300'000);
  TestServer& server = serve("echo", {"--spin-before-sleep-us", "2000"});
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(server.address());
  for (int round = 0; round < 20; ++round) {
    for (Client& client : clients) ASSERT_EQ(client.converse("hello"), "hello");
    if (round % 5 == 0) support::rest(std::chrono::milliseconds(20));
    ASSERT_TRUE(clients[0].converse(sent) == sent);
  }
  for (Client& client : clients) client.finish();
  for (Client& client : clients) EXPECT_EQ(client.receive_to_end(), "");
}

// Those who come all at once, and those who come when it waits for more of them than there are.
TEST_P(SingleWorker, Serves_everybody_when_told_to_wait_for_several) {
  const std::string sent = random_bytes(9, 300'000);
  TestServer& server = serve("echo", {"--batch-wait-us", "2000"});
  std::vector<Client> clients;
  const std::size_t count = std::min<std::size_t>(16, shape().clients_at_once());
  for (std::size_t i = 0; i < count; ++i) clients.emplace_back(server.address());
  for (int round = 0; round < 100; ++round) {
    for (Client& client : clients) client.send("hello");
    for (Client& client : clients) ASSERT_EQ(client.receive(5), "hello");
    if (round % 20 != 0) continue;
    ASSERT_TRUE(clients[0].converse(sent) == sent);
  }
  for (Client& client : clients) client.finish();
  for (Client& client : clients) EXPECT_EQ(client.receive_to_end(), "");
}

}  // namespace
}  // namespace conformance
