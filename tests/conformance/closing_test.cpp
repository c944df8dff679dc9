// closing_test.cpp - how connections end: half-close, reset, exceptions, and the last bytes.
#include <optional>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

/// A client that is served all the while, to see that others' trouble does not reach it.
class Witness {
 public:
  Witness(const TestServer& server, bool from_the_start) : address_(server.address()) {
    if (from_the_start) client_.emplace(address_);
    if (client_) { EXPECT_EQ(client_->converse("first"), "first"); }
  }
  /// Where one client is served at a time, it only comes now.
  void expect_served() {
    if (!client_) client_.emplace(address_);
    EXPECT_EQ(client_->converse("still there"), "still there");
  }

 private:
  std::string address_;
  std::optional<Client> client_;
};

TEST_P(Conformance, Answers_a_client_that_has_finished_sending) {
  TestServer& server = serve("half_close");
  Client client(server.address());
  client.send(random_bytes(1, mebibyte));
  client.finish();
  EXPECT_EQ(client.receive_to_end(), std::to_string(mebibyte) + "\n");
}

TEST_P(Conformance, Answers_a_client_that_has_finished_without_a_byte) {
  TestServer& server = serve("half_close");
  Client client(server.address());
  client.finish();
  EXPECT_EQ(client.receive_to_end(), "0\n");
}

TEST_P(Conformance, Goes_on_receiving_after_it_has_finished_sending) {
  TestServer& server = serve("finish_first");
  Client client(server.address());
  EXPECT_EQ(client.receive_to_end(), "bye\n");
  client.send(random_bytes(1, 200'000));
  client.finish();
  EXPECT_TRUE(server.reports("received 200000"));
  EXPECT_TRUE(server.reports("sending is over"));
}

TEST_P(Conformance, Delivers_the_last_bytes_before_it_closes) {
  TestServer& server = serve("sender", {"--size", std::to_string(4 * mebibyte)});
  const std::string expected = random_bytes(1, 4 * mebibyte);
  for (int i = 0; i < 3; ++i) {
    Client client(server.address(), {.receive_buffer = 64 * 1024});
    ASSERT_TRUE(client.receive_to_end() == expected);
  }
}

TEST_P(Conformance, Delivers_the_last_bytes_in_small_pieces_too) {
  TestServer& server = serve("sender", {"--size", "100000", "--piece", "100"});
  const std::string expected = random_bytes(1, 100'000);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Client(server.address()).receive_to_end() == expected);
  }
}

// A close while unread bytes are there sends RST, which throws away what the client has not
// read yet: the classical way to lose the end of an answer.
TEST_P(Conformance, Delivers_the_last_bytes_to_a_client_that_is_still_sending) {
  TestServer& server = serve("sender", {"--size", std::to_string(mebibyte)});
  const std::string expected = random_bytes(1, mebibyte);
  for (int i = 0; i < 5; ++i) {
    Client client(server.address(), {.receive_buffer = 64 * 1024});
    ASSERT_TRUE(client.receive_to_end_while_sending() == expected) << "connection " << i;
  }
}

// The kernel takes more only when a third of its buffer is free: for longer than the linger time
// nothing leaves the outbox, though the client takes a piece now and then.
TEST_P(SingleWorker, Delivers_the_last_bytes_to_a_client_that_takes_its_time) {
  constexpr std::size_t size = 6 * mebibyte;
  TestServer& server =
      serve("sender", {"--size", std::to_string(size), "--piece", "3000", "--linger-ms", "200"});
  Client client(server.address(), {.receive_buffer = 64 * 1024});
  std::string got;
  for (std::string piece = client.receive(100'000); !piece.empty();
       piece = client.receive(100'000)) {
    got += piece;
    support::rest(std::chrono::milliseconds(40));
  }
  EXPECT_TRUE(got == random_bytes(1, size)) << got.size() << " bytes";
}

TEST_P(Conformance, Cuts_a_client_that_never_stops_sending_when_the_linger_time_is_over) {
  TestServer& server = serve("sender", {"--size", "1000", "--linger-ms", "100"});
  Client client(server.address());
  ASSERT_EQ(client.receive(1000).size(), 1000U);
  const std::string filler(4096, '.');
  EXPECT_TRUE(eventually([&] {
    try {
      client.send_some(filler);
      return false;
    } catch (const std::system_error&) { return true; }
  }));
}

TEST_P(Conformance, Outlives_clients_that_reset_in_the_middle_of_a_transfer) {
  TestServer& server = serve("echo");
  Witness witness(server, serves_at_once(2));
  for (int i = 0; i < 20; ++i) {
    Client client(server.address());
    client.send(random_bytes(1, 100'000));
    if (i % 2 == 0) client.receive(1);
    client.reset();
  }
  witness.expect_served();
}

TEST_P(Conformance, Outlives_clients_that_reset_before_they_are_served) {
  TestServer& server = serve("echo");
  for (int i = 0; i < 50; ++i) Client(server.address()).reset();
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
}

TEST_P(Conformance, Outlives_clients_that_leave_while_it_sends) {
  // With SIGPIPE as it is by default, the first write to a closed connection would end it.
  TestServer& server = serve("flood");
  for (int i = 0; i < 20; ++i) {
    Client client(server.address());
    ASSERT_EQ(client.receive_line(), "ready\n");
    client.send("go");
    client.receive(100'000);
    if (i % 2 == 0) client.reset();
  }
  EXPECT_EQ(Client(server.address()).receive_line(), "ready\n");
}

TEST_P(Conformance, Ends_only_the_session_whose_handler_throws) {
  TestServer& server = serve("moody");
  {
    Witness witness(server, serves_at_once(2));
    for (int i = 0; i < 10; ++i) {
      Client client(server.address());
      ASSERT_EQ(client.converse("hello"), "hello");
      client.send("throw");
      ASSERT_TRUE(client.sees_end());
    }
    witness.expect_served();
  }
  server.stop();
  EXPECT_EQ(server.total("failed"), 10U);
}

// On fork with two threads that accept, a child had copies of the sockets that the other thread had
// in hand: those clients did not see the end before that child had ended, too.
TEST_P(Conformance, Ends_a_connection_while_those_that_came_at_the_same_time_stay) {
  if (!serves_at_once(60)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("echo");
  std::vector<Client> clients;
  for (int i = 0; i < 60; ++i) clients.emplace_back(server.address());
  for (Client& client : clients) ASSERT_EQ(client.converse("x"), "x");
  for (std::size_t i = 0; i < clients.size(); i += 2) {
    clients[i].finish();
    ASSERT_EQ(clients[i].receive_to_end(), "") << "client " << i;
  }
  for (std::size_t i = 1; i < clients.size(); i += 2) EXPECT_EQ(clients[i].converse("y"), "y");
}

TEST_P(Conformance, Resets_a_connection_when_the_handler_says_so) {
  TestServer& server = serve("resets");
  Client client(server.address());
  client.send("go");
  EXPECT_TRUE(client.sees_end());
  EXPECT_TRUE(server.reports("reset"));
}

}  // namespace
}  // namespace conformance
