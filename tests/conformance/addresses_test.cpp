// addresses_test.cpp - where a server listens, and what it says about its peers.
#include <unistd.h>

#include <sys/stat.h>

#include <filesystem>
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

TEST_P(SingleWorker, Serves_IPv4_on_an_IPv6_listener_only_when_told_to) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  if (!support::has_ipv6()) GTEST_SKIP() << no_ipv6;
  for (const bool both : {false, true}) {
    TestServer& server =
        serve("addresses", {"--listen", "[::]:0", "--dual-stack", both ? "1" : "0"});
    const std::string port = server.address().substr(server.address().rfind(':'));
    EXPECT_FALSE(Client("[::1]" + port).receive_line().empty());
    if (both) {
      const std::string line = Client("127.0.0.1" + port).receive_line();
      EXPECT_NE(line.find(" [::ffff:127.0.0.1]:"), std::string::npos) << line;
    } else {
      EXPECT_THROW(Client("127.0.0.1" + port), std::system_error);
    }
  }
}

TEST_P(SingleWorker, Listens_on_both_families_with_the_same_port) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  if (!support::has_ipv6()) GTEST_SKIP() << no_ipv6;
  // Below the ports that the kernel gives away (ip_local_port_range): those may be taken on IPv4
  // by the remains of other tests' connections.
  for (int attempts = 0;; ++attempts) {
    const std::string port = ":" + std::to_string(16'384 + (getpid() * 31 + attempts) % 16'384);
    try {
      serve("echo", {"--listen", "0.0.0.0" + port, "--listen", "[::]" + port});
      for (const char* host : {"127.0.0.1", "[::1]"}) {
        EXPECT_EQ(Client(host + port).converse("hello"), "hello") << host;
      }
      return;
    } catch (const std::runtime_error&) { ASSERT_LT(attempts, 20) << "no port is free"; }
  }
}

unsigned mode_of(const std::string& path) {
  struct stat file{};
  EXPECT_EQ(stat(path.c_str(), &file), 0);
  return file.st_mode & 07777;
}

TEST_P(SingleWorker, Gives_a_unix_socket_the_mode_it_is_told_whatever_the_umask) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{077}}) {
    for (const unsigned mode : {0U, 0600U, 0660U, 0666U, 0777U}) {
      const support::TemporaryDirectory directory;
      const std::string path = directory.path() + "/echo.sock";
      TestServer& server =
          serve("echo", {"--listen", "unix:" + path, "--unix-mode", std::to_string(mode)},
                {.before_exec = [mask] { umask(mask); }});
      EXPECT_EQ(mode_of(path), mode != 0 ? mode : 0777U & ~mask);
      EXPECT_EQ(Client("unix:" + path).converse("hello"), "hello");
      server.stop();
      EXPECT_FALSE(std::filesystem::exists(path));
    }
  }
}

TEST_P(SingleWorker, Takes_no_unix_socket_away_from_a_server_that_listens) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  const support::TemporaryDirectory directory;
  const std::string path = "unix:" + directory.path() + "/echo.sock";
  TestServer& first = serve("echo", {"--listen", path});
  Child second({server_program(), "echo", "--model", std::string(weir::name(shape().model)),
                "--listen", path});
  EXPECT_EQ(second.wait(), 2);
  EXPECT_NE(second.errors().find(path), std::string::npos) << second.errors();
  EXPECT_EQ(Client(first.address()).converse("hello"), "hello");
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
