// admission_test.cpp - who is let in: lists of networks.
#include <signal.h>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

Client client_from(const TestServer& server, const std::string& address) {
  return Client(server.address(), {.from = address + ":0"});
}

bool is_served(Client client) {
  try {
    client.send("x");
    return client.receive(1) == "x";
  } catch (const std::system_error&) { return false; }  // Closed with a byte unread: a reset.
}

TEST_P(Conformance, Keeps_out_whoever_is_denied) {
  TestServer& server = serve("echo", {"--deny", "10.0.0.0/8,127.0.0.2"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(is_served(client_from(server, "127.0.0.2")));
    EXPECT_TRUE(client_from(server, "127.0.0.2").sees_end());
    EXPECT_TRUE(is_served(client_from(server, "127.0.0.1")));
    EXPECT_TRUE(is_served(client_from(server, "127.0.0.3")));
  }
  server.stop();
  EXPECT_EQ(server.total("refused_network"), 6U);
  EXPECT_EQ(server.total("accepted"), 6U);
}

TEST_P(Conformance, Lets_in_only_whoever_is_allowed_and_not_denied) {
  TestServer& server = serve("echo", {"--allow", "127.0.0.0/30,::1", "--deny", "127.0.0.2/32"});
  EXPECT_TRUE(is_served(client_from(server, "127.0.0.1")));
  EXPECT_FALSE(is_served(client_from(server, "127.0.0.2")));
  EXPECT_TRUE(is_served(client_from(server, "127.0.0.3")));
  EXPECT_FALSE(is_served(client_from(server, "127.0.0.4")));
  server.stop();
  EXPECT_EQ(server.total("refused_network"), 2U);
}

TEST_P(Conformance, Knows_networks_of_IPv6) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  if (!support::has_ipv6()) GTEST_SKIP() << no_ipv6;
  for (const auto& [denied, serves] : {std::pair{"::/0", false}, {"::2/127", true}}) {
    TestServer& server = serve("echo", {"--listen", "[::1]:0", "--deny", denied});
    EXPECT_EQ(is_served(Client(server.address())), serves) << denied;
  }
}

TEST_P(Conformance, Does_not_limit_unix_sockets_by_networks) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  const support::TemporaryDirectory directory;
  TestServer& server = serve("echo", {"--listen", "unix:" + directory.path() + "/echo.sock",
                                      "--allow", "10.0.0.0/8", "--deny", "0.0.0.0/0,::/0"});
  EXPECT_TRUE(is_served(Client(server.address())));
}

// What came before a reset can be received, but its sender has no address any more: who is kept
// out could have a handler act on his bytes.
TEST_P(SingleWorker, Keeps_out_whoever_is_denied_although_he_has_gone_already) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("echo", {"--deny", "127.0.0.2"});
  EXPECT_TRUE(is_served(client_from(server, "127.0.0.1")));
  ASSERT_EQ(::kill(-server.group(), SIGSTOP), 0);
  for (int i = 0; i < 5; ++i) {
    Client client = client_from(server, "127.0.0.2");
    client.send("x");
    client.wait_until_delivered();
    client.reset();
  }
  ASSERT_EQ(::kill(-server.group(), SIGCONT), 0);
  EXPECT_TRUE(is_served(client_from(server, "127.0.0.1")));
  server.stop();
  EXPECT_EQ(server.total("accepted"), 2U);
}

TEST_P(Conformance, Bears_a_crowd_of_clients_that_it_keeps_out) {
  TestServer& server = serve("echo", {"--deny", "127.0.0.2"});
  Client served = client_from(server, "127.0.0.1");
  EXPECT_EQ(served.converse("hello"), "hello");
  std::vector<Client> crowd;
  for (int i = 0; i < 300; ++i) crowd.push_back(client_from(server, "127.0.0.2"));
  EXPECT_EQ(served.converse("still there"), "still there");
  served.close();
  for (Client& client : crowd) EXPECT_TRUE(client.sees_end());
  server.stop();
  EXPECT_EQ(server.total("refused_network"), 300U);
}

}  // namespace
}  // namespace conformance
