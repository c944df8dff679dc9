// addresses_test.cpp - where a server listens, and what it says about its peers.
#include <set>
#include <sstream>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

TEST_P(Conformance, Listens_on_IPv6) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  if (!support::has_ipv6()) GTEST_SKIP() << no_ipv6;
  TestServer& server = serve("echo", {"--listen", "[::1]:0"});
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
}

TEST_P(Conformance, Listens_on_a_unix_socket) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  const support::TemporaryDirectory directory;
  const std::string address = "unix:" + directory.path() + "/echo.sock";
  TestServer& server = serve("echo", {"--listen", address});
  const std::string sent = random_bytes(1, 1'000'000);
  {
    Client client(address);
    EXPECT_TRUE(client.converse(sent) == sent);
    client.finish();
    EXPECT_EQ(client.receive_to_end(), "");
  }
  server.stop();
  // A socket file that an earlier server has left behind is in nobody's way.
  TestServer& again = serve("echo", {"--listen", address});
  EXPECT_EQ(Client(again.address()).converse("hello"), "hello");
}

TEST_P(Conformance, Listens_on_several_addresses_at_once) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  const support::TemporaryDirectory directory;
  const char* second = support::has_ipv6() ? "[::1]:0" : "127.0.0.2:0";
  TestServer& server = serve("echo", {"--listen", "127.0.0.1:0", "--listen", second, "--listen",
                                      "unix:" + directory.path() + "/echo.sock"});
  ASSERT_EQ(server.addresses().size(), 3U);
  for (int round = 0; round < 3; ++round) {
    for (const std::string& address : server.addresses()) {
      ASSERT_EQ(Client(address).converse("hello"), "hello") << address;
    }
  }
}

TEST_P(Conformance, Knows_both_addresses_of_a_connection) {
  TestServer& server = serve("addresses");
  Client client(server.address());
  std::istringstream line(client.receive_line());
  std::string id;
  std::string from;
  std::string to;
  line >> id >> from >> to;
  EXPECT_TRUE(from.starts_with(shape().simulated ? "10.0.1.1:" : "127.0.0.1:")) << from;
  EXPECT_EQ(to, server.address());
}

TEST_P(Conformance, Gives_every_connection_an_id_of_its_own) {
  if (!shape().shares_memory()) GTEST_SKIP() << "ids are unique in a process";
  TestServer& server = serve("addresses");
  std::set<std::string> ids;
  for (int i = 0; i < 50; ++i) {
    const std::string line = Client(server.address()).receive_line();
    ids.insert(line.substr(0, line.find(' ')));
  }
  EXPECT_EQ(ids.size(), 50U);
}

TEST_P(Conformance, Gives_each_worker_a_listener_of_its_own_when_told_to) {
  TestServer& server = serve("echo", {"--reuse-port", "1"});
  for (int i = 0; i < 20; ++i) ASSERT_EQ(Client(server.address()).converse("hello"), "hello");
}

TEST_P(SingleWorker, Does_not_start_where_another_server_listens) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  TestServer& first = serve("echo");
  Child second({server_program(), "echo", "--model", std::string(weir::name(shape().model)),
                "--listen", first.address()});
  EXPECT_EQ(second.wait(), 2);
  EXPECT_NE(second.errors().find(first.address()), std::string::npos) << second.errors();
}

TEST_P(SingleWorker, Hands_no_descriptor_on_to_a_program_that_a_handler_starts) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  TestServer& server = serve("late_echo", {"--pause-ms", "10"});
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(server.address());
  EXPECT_EQ(clients[0].converse("hello"), "hello");
  EXPECT_EQ(support::descriptors_without_cloexec(server.group()), std::vector<std::string>());
}

TEST_P(SingleWorker, Gives_every_descriptor_back) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  TestServer& server = serve("echo");
  const auto serve_clients = [&server](int count) {
    for (int i = 0; i < count; ++i) {
      Client client(server.address());
      ASSERT_EQ(client.converse("hello"), "hello");
      if (i % 3 == 0) client.reset();
    }
  };
  // The first ones make a server open what it keeps for good.
  serve_clients(20);
  const std::size_t before = support::settled([&] { return support::descriptors(server.pid()); });
  serve_clients(200);
  EXPECT_TRUE(eventually([&] { return support::descriptors(server.pid()) <= before; }))
      << support::descriptors(server.pid()) << " descriptors, were " << before;
}

}  // namespace
}  // namespace conformance
