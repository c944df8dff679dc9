// waiting_test.cpp - time, several waits at once, and connections to other servers.
#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

TEST_P(Conformance, Notices_when_a_deadline_passes) {
  TestServer& server = serve("deadline", {"--pause-ms", "20"});
  Client client(server.address());
  EXPECT_EQ(client.receive_line(), "too late\n");
  EXPECT_EQ(client.receive_line(), "too late\n");
}

TEST_P(Conformance, Receives_what_comes_before_the_deadline) {
  TestServer& server = serve("deadline", {"--pause-ms", "60000"});
  Client client(server.address());
  for (int i = 0; i < 100; ++i) {
    client.send("x");
    ASSERT_EQ(client.receive_line(), "in time\n");
  }
}

TEST_P(Conformance, Ends_a_whole_conversation_at_its_deadline) {
  TestServer& server = serve("whole_deadline", {"--pause-ms", "200"});
  Client client(server.address());
  client.send("hello\n");
  EXPECT_EQ(client.receive_line(), "hello\n");
  EXPECT_EQ(client.receive_to_end(), "time is up\n");
}

TEST_P(Conformance, Waits_for_a_message_and_for_time_at_once) {
  TestServer& server = serve("ticker", {"--pause-ms", "5"});
  Client client(server.address());
  EXPECT_EQ(client.receive_line(), "tick\n");
  EXPECT_EQ(client.receive_line(), "tick\n");
  client.send("enough");
  std::string line = "tick\n";
  while (line == "tick\n") line = client.receive_line();
  EXPECT_EQ(line, "stopped\n");
}

TEST_P(Conformance, Hears_its_client_though_its_inbox_is_never_empty) {
  if (shape().simulated) GTEST_SKIP() << must_rest;
  TestServer& server = serve("full_inbox");
  Client talks(server.address());
  talks.send("?");
  EXPECT_EQ(talks.receive_line(), "heard\n");
  talks.finish();
  EXPECT_TRUE(talks.sees_end());
  Client leaves(server.address());
  leaves.finish();
  EXPECT_EQ(leaves.receive_to_end(), "heard\n");
}

// Each of its receives ends at once, so nothing but its budget makes it give the loop back.
TEST_P(Conformance, Serves_others_while_a_handler_does_not_heed_the_end) {
  if (shape().simulated) GTEST_SKIP() << must_rest;
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("deaf", {"--drain-ms", "100"});
  Client leaves(server.address());
  leaves.send("x");
  EXPECT_EQ(leaves.receive(1), "x");
  leaves.finish();
  Client stays(server.address());
  for (int i = 0; i < 20; ++i) {
    stays.send("y");
    ASSERT_EQ(stays.receive(1), "y");
  }
  server.signal(SIGTERM);
  const int code = server.wait();
  EXPECT_TRUE(code == 0 || code == 3) << code;
}

TEST_P(Conformance, Loses_nothing_when_receiving_races_with_time) {
  TestServer& server = serve("two_things", {"--pause-ms", "1"});
  Client client(server.address());
  const std::string sent = random_bytes(1, 200'000);
  support::Random random(2);
  for (std::size_t at = 0; at < sent.size();) {
    const std::string_view piece = std::string_view(sent).substr(at, random.between(1, 2000));
    ASSERT_TRUE(client.converse(piece) == piece) << "at " << at;
    at += piece.size();
    if (random.between(0, 9) == 0) support::rest(std::chrono::milliseconds(1));
  }
  client.finish();
  EXPECT_TRUE(client.receive_to_end().starts_with(" ticks "));
}

TEST_P(Conformance, Sleeps_in_one_session_while_others_go_on) {
  if (!serves_at_once(20)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("late_echo", {"--pause-ms", "100"});
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.address());
  const auto start = support::Clock::now();
  for (Client& client : clients) client.send("zzz");
  for (Client& client : clients) EXPECT_EQ(client.receive(3), "zzz");
  // One after another would take two seconds; a loaded machine is given most of that.
  EXPECT_LT(support::Clock::now() - start, std::chrono::milliseconds(1800));
}

TEST_P(Conformance, Passes_both_directions_of_a_proxy_at_once) {
  TestServer& upstream = serve("echo");
  TestServer& proxy = serve("proxy", {"--upstream", upstream.address()});
  Client client(proxy.address());
  const std::string sent = random_bytes(1, 4 * mebibyte);
  EXPECT_TRUE(client.converse(sent) == sent);
  EXPECT_EQ(client.converse("and on"), "and on");
}

TEST_P(Conformance, Passes_a_half_close_through_a_proxy) {
  TestServer& upstream = serve("half_close");
  TestServer& proxy = serve("proxy", {"--upstream", upstream.address()});
  Client client(proxy.address());
  client.send(random_bytes(1, mebibyte));
  client.finish();
  EXPECT_EQ(client.receive_to_end(), std::to_string(mebibyte) + "\n");
}

TEST_P(Conformance, Passes_through_a_proxy_what_ends_on_the_other_side) {
  TestServer& upstream = serve("finish_first");
  TestServer& proxy = serve("proxy", {"--upstream", upstream.address()});
  Client client(proxy.address());
  EXPECT_EQ(client.receive_to_end(), "bye\n");
  client.send("one more thing");
  client.finish();
  EXPECT_TRUE(upstream.reports("received 14"));
}

TEST_P(Conformance, Ends_the_session_when_the_upstream_of_a_proxy_refuses) {
  const support::RefusingPort nobody;
  TestServer& proxy = serve("proxy", {"--upstream", nobody.text()});
  EXPECT_TRUE(Client(proxy.address()).sees_end());
  EXPECT_TRUE(Client(proxy.address()).sees_end());
}

TEST_P(Conformance, Tells_the_handler_that_a_connection_was_refused) {
  const support::RefusingPort nobody;
  TestServer& server = serve("dial", {"--upstream", nobody.text()});
  const std::string answer = Client(server.address()).receive_line();
  EXPECT_TRUE(answer.starts_with("refused: ")) << answer;
  EXPECT_NE(answer.find(nobody.text()), std::string::npos) << answer;
}

TEST_P(Conformance, Cuts_the_stream_when_a_large_send_is_given_up_half_way) {
  TestServer& server = serve("half_sent", {"--size", "33554432", "--pause-ms", "100"});
  Client client(server.address());
  ASSERT_TRUE(server.reports("gave up"));
  EXPECT_TRUE(server.reports("the stream is cut"));
  EXPECT_TRUE(client.sees_end());
}

TEST_P(SingleWorker, Ends_the_process_when_a_handler_receives_twice_at_once) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (shape().model == weir::Model::fork) GTEST_SKIP() << "the process that ends is a child";
  Child server(
      {server_program(), "receives_twice", "--model", std::string(weir::name(shape().model))});
  const std::string line = server.read_line();
  ASSERT_TRUE(line.starts_with("listening ")) << line;
  const Client client(line.substr(10));
  EXPECT_GT(server.wait(), 128) << server.errors();
  EXPECT_NE(server.errors().find("weir: misuse: a second receive() on a connection"),
            std::string::npos)
      << server.errors();
}

TEST_P(Conformance, Awaits_a_million_times_what_ends_at_once) {
  TestServer& server = serve("many_awaits", {"--size", "1000000"});
  Client client(server.address());
  client.send("go");
  EXPECT_EQ(client.receive_line(), "3000000\n");
}

TEST_P(Conformance, Cancels_a_spawned_task_when_its_handler_ends) {
  TestServer& server = serve("spawns");
  Client client(server.address());
  EXPECT_EQ(client.converse("hello"), "hello");
  EXPECT_TRUE(server.reports("the spawned task was cancelled"));
  EXPECT_EQ(client.receive_to_end(), "");
}

TEST_P(Conformance, Sends_from_a_spawned_task_while_the_handler_receives) {
  TestServer& server = serve("spawns_sender");
  Client client(server.address());
  client.send("something to receive");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.receive_line(), "beside\n");
  client.finish();
  EXPECT_EQ(client.receive_to_end(), "");
}

// The client has finished, so nothing is waited for: what had been queued was thrown away.
TEST_P(Conformance, Sends_the_last_words_of_a_spawned_task) {
  TestServer& server = serve("spawns_goodbye");
  Client client(server.address());
  client.send("something to receive");
  client.finish();
  EXPECT_EQ(client.receive_to_end(), "good-bye\n");
}

TEST_P(Conformance, Ends_the_session_whose_spawned_task_throws) {
  TestServer& server = serve("spawns_thrower");
  {
    Client client(server.address());
    EXPECT_EQ(client.converse("hello"), "hello");
    EXPECT_TRUE(client.sees_end());
  }
  server.stop();
  EXPECT_EQ(server.total("failed"), 1U);
}

}  // namespace
}  // namespace conformance
