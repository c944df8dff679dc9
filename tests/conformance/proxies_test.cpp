// proxies_test.cpp - behind a proxy that says by the PROXY protocol whose connection it passes on.
#include <signal.h>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

const std::string line_header = "PROXY TCP4 192.0.2.7 198.51.100.2 1111 443\r\n";
const std::string addresses_said = "192.0.2.7:1111 198.51.100.2:443\n";

std::string binary(char command, char family, const std::string& block) {
  const char size[] = {static_cast<char>(block.size() >> 8), static_cast<char>(block.size())};
  return "\r\n\r\n\0\r\nQUIT\n"s + command + family + std::string(size, 2) + block;
}

/// Of a client of IPv4 whose address ends in this; with a TLV behind the addresses.
std::string binary_header(char last = 7) {
  return binary(0x21, 0x11,
                "\xc0\0\2"s + last + "\xc6\x33\x64\2\x04\x57\x01\xbb" + "\2\0\013example.org"s);
}

/// How the server is told to trust the tests' own address.
TestServer::Values trusting(TestServer::Values more = {}) {
  more.insert(more.end(), {"--proxy-from", "127.0.0.1"});
  return more;
}

/// A connection from there.
Client from_proxy(const TestServer& server) {
  return Client(server.address(), {.from = "127.0.0.1:0"});
}

/// What the handler says first; empty when it was never called.
std::string first_line(Client client, const std::string& header) {
  try {
    client.send(header);
    return client.receive_line();
  } catch (const std::system_error&) { return ""; }
}

TEST_P(Conformance, Takes_a_trusted_proxys_word_for_who_the_client_is) {
  TestServer& server = serve("addresses_and_echo", trusting());
  for (const std::string& header : {line_header, binary_header()}) {
    Client client = from_proxy(server);
    client.send(header);
    EXPECT_EQ(client.receive_line(), addresses_said);
    EXPECT_EQ(client.converse("hello"), "hello");
    client.finish();
    EXPECT_EQ(client.receive_to_end(), "");
  }
  const std::string ipv6 = "PROXY TCP6 2001:db8::7 2001:db8::2 1 2\r\n";
  EXPECT_EQ(first_line(from_proxy(server), ipv6), "[2001:db8::7]:1 [2001:db8::2]:2\n");
  std::string paths(216, '\0');
  paths.replace(0, 5, "/from").replace(108, 3, "/to");
  EXPECT_EQ(first_line(from_proxy(server), binary(0x21, 0x31, paths)), "unix:/from unix:/to\n");
  server.stop();
  EXPECT_EQ(server.total("proxy_invalid"), 0U);
  EXPECT_EQ(server.total("failed"), 0U);
}

TEST_P(Conformance, Uses_the_sockets_addresses_where_the_header_names_nobody) {
  TestServer& server = serve("addresses_and_echo", trusting());
  for (const std::string& header :
       {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN what ever\r\n"s, binary(0x20, 0, ""),
        binary(0x20, 0x11, "\1\2\3"), binary(0x21, 0, "")}) {
    const std::string said = first_line(from_proxy(server), header);
    EXPECT_TRUE(said.starts_with("127.0.0.1:")) << said;
    EXPECT_TRUE(said.ends_with(" " + server.address() + "\n")) << said;
  }
}

TEST_P(SingleWorker, Reads_a_header_wherever_it_is_cut) {
  TestServer& server = serve("addresses_and_echo", trusting());
  for (const std::string& header : {line_header, binary_header()}) {
    const std::string sent = header + "hello";
    for (std::size_t cut = 1; cut < sent.size(); ++cut) {
      Client client = from_proxy(server);
      client.send(sent.substr(0, cut));
      client.wait_until_delivered();
      client.send(sent.substr(cut));
      ASSERT_EQ(client.receive_line(), addresses_said) << "cut at " << cut;
      ASSERT_EQ(client.receive(5), "hello") << "cut at " << cut;
    }
  }
}

TEST_P(Conformance, Reads_a_header_that_comes_byte_by_byte) {
  TestServer& server = serve("addresses_and_echo", trusting());
  for (const std::string& header : {line_header, binary_header()}) {
    Client client = from_proxy(server);
    for (const char byte : header + "hello") {
      client.send({&byte, 1});
      client.wait_until_delivered();
    }
    EXPECT_EQ(client.receive_line(), addresses_said);
    EXPECT_EQ(client.receive(5), "hello");
  }
}

TEST_P(Conformance, Hands_on_exactly_what_follows_a_header) {
  TestServer& server = serve("addresses_and_echo", trusting());
  const std::string large = random_bytes(7, 1'000'000);
  for (const std::string& rest : {"x"s, line_header, binary_header(), large}) {
    Client client = from_proxy(server);
    client.send(binary_header());
    // What a large one gets back has to be taken while it is sent.
    EXPECT_EQ(client.receive_line(), addresses_said);
    EXPECT_TRUE(client.converse(rest) == rest);
  }
  for (const std::string& rest : {""s, "x"s, line_header, large.substr(0, 20'000)}) {
    Client client = from_proxy(server);
    client.send(line_header + rest);
    client.finish();
    EXPECT_EQ(client.receive_line(), addresses_said);
    EXPECT_TRUE(client.receive_to_end() == rest) << rest.size();
  }
}

TEST_P(Conformance, Counts_what_follows_a_header_once) {
  TestServer& server = serve("echo", trusting());
  Client client = from_proxy(server);
  client.send(line_header + "hello");
  EXPECT_EQ(client.receive(5), "hello");
  client.finish();
  EXPECT_EQ(client.receive_to_end(), "");
  server.stop();
  EXPECT_EQ(server.total("bytes_received"), line_header.size() + 5);
  EXPECT_EQ(server.total("buffers"), 0U);
}

TEST_P(Conformance, Takes_nobody_elses_word) {
  TestServer& server = serve("addresses_and_echo", trusting());
  Client stranger(server.address(), {.from = "127.0.0.2:0"});
  stranger.send(line_header);
  EXPECT_TRUE(stranger.receive_line().starts_with("127.0.0.2:"));
  EXPECT_EQ(stranger.receive(line_header.size()), line_header) << "it is the handler's";
}

TEST_P(Conformance, Refuses_whoever_goes_past_the_proxy_if_told_to) {
  TestServer& server = serve("echo", trusting({"--proxy-only", "1"}));
  EXPECT_TRUE(Client(server.address(), {.from = "127.0.0.2:0"}).sees_end());
  EXPECT_EQ(first_line(from_proxy(server), line_header + "hello\n"), "hello\n");
  server.stop();
  EXPECT_EQ(server.total("refused_network"), 1U);
  EXPECT_EQ(server.total("accepted"), 1U);
}

TEST_P(Conformance, Ends_a_connection_from_a_proxy_that_has_no_header) {
  TestServer& server = serve("addresses_and_echo", trusting());
  const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
  const std::string bad[] = {
      "hello\n",
      "GET / HTTP/1.1\r\n\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.2 1111\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.2 1111 443\n" + std::string(100, 'x'),
      signature + "\x21\x12\0\0"s,
      signature + "\x21\x11\0\0"s,
      signature + "\x21\x11\xff\xff"s,
      binary(0x21, 0x11, "\xc0\0\2\7\xc6\x33\x64\2\x04\x57\x01\xbb\2\0\013example.or"s),
  };
  for (const std::string& bytes : bad) {
    Client client = from_proxy(server);
    client.send(bytes);
    EXPECT_TRUE(client.sees_end()) << bytes;
  }
  // Cut off by its end.
  Client client = from_proxy(server);
  client.send(line_header.substr(0, 20));
  client.finish();
  EXPECT_TRUE(client.sees_end());
  // Who says nothing at all, as a health check may, has done nothing wrong.
  Client silent = from_proxy(server);
  silent.finish();
  EXPECT_EQ(silent.receive_to_end(), "");
  EXPECT_EQ(first_line(from_proxy(server), line_header), addresses_said);
  server.stop();
  EXPECT_EQ(server.total("proxy_invalid"), std::size(bad) + 1);
  EXPECT_EQ(server.total("failed"), std::size(bad) + 1);
  EXPECT_EQ(server.total("accepted"), std::size(bad) + 3);
  const std::string line = "has no valid PROXY header";
  const std::size_t said = server.errors().find(line);
  EXPECT_NE(said, std::string::npos);
  EXPECT_EQ(server.errors().find(line, said + 1), std::string::npos) << "said once";
}

TEST_P(Conformance, Ends_a_connection_whose_header_does_not_come_in_time) {
  TestServer& server = serve("echo", trusting({"--proxy-header", "200"}));
  Client silent = from_proxy(server);
  EXPECT_TRUE(silent.sees_end());
  Client slow = from_proxy(server);
  slow.send(line_header.substr(0, 20));
  EXPECT_TRUE(slow.sees_end());
  server.stop();
  EXPECT_EQ(server.total("timed_out_proxy"), 2U);
  EXPECT_EQ(server.total("timed_out"), 2U);
}

TEST_P(Conformance, Judges_the_client_behind_a_proxy_and_not_the_proxy) {
  TestServer& server =
      serve("addresses_and_echo",
            trusting({"--allow", "192.0.2.0/29", "--deny", "192.0.2.6,127.0.0.0/8"}));
  EXPECT_EQ(first_line(from_proxy(server), binary_header(7)), addresses_said);
  EXPECT_EQ(first_line(from_proxy(server), binary_header(6)), "") << "denied";
  EXPECT_EQ(first_line(from_proxy(server), binary_header(9)), "") << "not allowed";
  EXPECT_EQ(first_line(from_proxy(server), "PROXY UNKNOWN\r\n"), "") << "not known";
  EXPECT_NE(first_line(from_proxy(server), binary(0x20, 0, "")), "") << "the proxy's own";
  EXPECT_TRUE(Client(server.address(), {.from = "127.0.0.2:0"}).sees_end()) << "no proxy, denied";
  server.stop();
  EXPECT_EQ(server.total("proxy_denied"), 3U);
  EXPECT_EQ(server.total("failed"), 3U);
  EXPECT_EQ(server.total("refused_network"), 1U);
}

TEST_P(Conformance, Counts_the_clients_of_an_address_behind_a_proxy) {
  if (!serves_at_once(4)) GTEST_SKIP() << one_at_a_time;
  if (shape().model == weir::Model::fork) GTEST_SKIP() << children_do_not_count;
  TestServer& server = serve("addresses_and_echo", trusting({"--connections-per-address", "2"}));
  const auto arrive = [&](char last) {
    Client client = from_proxy(server);
    client.send(binary_header(last));
    return client;
  };
  std::vector<Client> clients;
  for (const char last : {'\7', '\7', '\x8', '\x8'}) {
    clients.push_back(arrive(last));
    EXPECT_NE(clients.back().receive_line(), "");
  }
  EXPECT_TRUE(arrive(7).sees_end());
  EXPECT_TRUE(arrive(8).sees_end());
  clients.clear();
  EXPECT_TRUE(eventually([&] { return first_line(arrive(7), "") == addresses_said; }));
  server.stop();
  EXPECT_GE(server.total("proxy_denied"), 2U);
  EXPECT_EQ(server.total("refused_address"), 0U);
}

TEST_P(Conformance, Takes_the_word_of_whoever_comes_through_a_unix_socket_if_told_to) {
  if (shape().simulated) GTEST_SKIP() << own_addresses;
  const support::TemporaryDirectory directory;
  TestServer& server =
      serve("addresses_and_echo",
            {"--listen", "unix:" + directory.path() + "/echo.sock", "--proxy-from", "unix:"});
  EXPECT_EQ(first_line(Client(server.address()), binary_header()), addresses_said);
}

TEST_P(Conformance, Ends_a_connection_of_a_proxy_that_says_nothing_when_it_stops) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  TestServer& server = serve("addresses_and_echo",
                             trusting({"--drain-ms", "3600000", "--proxy-header", "3600000"}));
  Client client = from_proxy(server);
  support::rest(50ms);
  server.signal(SIGTERM);
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.wait(), 0);
}

// A proxy that has connected is about to pass a request on.
TEST_P(Conformance, Drains_a_connection_whose_header_is_on_its_way) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  TestServer& server =
      serve("addresses_and_echo", trusting({"--drain-ms", "120000", "--proxy-header", "60000"}));
  EXPECT_EQ(first_line(from_proxy(server), line_header), addresses_said);
  Client client = from_proxy(server);
  client.send(line_header.substr(0, 10));
  client.wait_until_delivered();
  const std::string& address = server.address();
  const auto port = static_cast<unsigned>(std::stoul(address.substr(address.rfind(':') + 1)));
  EXPECT_TRUE(eventually([&] { return support::connections_taken(port) == 1; }));
  support::rest(1s);  // However long it takes: it has begun.
  server.signal(SIGTERM);
  support::rest(300ms);
  client.send(line_header.substr(10) + "hello");
  EXPECT_EQ(client.receive_line(), addresses_said);
  EXPECT_EQ(client.receive(5), "hello");
  client.close();
  EXPECT_EQ(server.wait(), 0);
}

}  // namespace
}  // namespace conformance
