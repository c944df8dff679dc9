// sharing_test.cpp - connections that talk to each other, and clients that crowd out others.
#include <atomic>
#include <thread>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

TEST_P(Conformance, Hands_a_message_from_one_connection_to_another) {
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  if (!shape().shares_memory()) GTEST_SKIP() << no_shared_memory;
  TestServer& server = serve("hand_over");
  Client taker(server.address());
  Client giver(server.address());
  for (int i = 0; i < 200; ++i) {
    const std::string message = std::to_string(i) + "\n";
    if (i % 2 == 0) taker.send("take\n");
    giver.send("give " + message);
    if (i % 2 != 0) taker.send("take\n");
    ASSERT_EQ(taker.receive_line(), message);
    ASSERT_EQ(giver.receive_line(), "given\n");
  }
}

TEST_P(Conformance, Hands_chunks_from_one_connection_to_another) {
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  if (!shape().shares_memory()) GTEST_SKIP() << no_shared_memory;
  TestServer& server = serve("hand_over_chunks");
  Client taker(server.address());
  taker.send("take");
  ASSERT_EQ(taker.receive(2), "ok");
  for (std::uint64_t i = 0; i < 20; ++i) {
    const std::string sent = random_bytes(i, 30'000);
    Client giver(server.address());
    giver.send("give");
    ASSERT_EQ(giver.receive(2), "ok");
    giver.send(sent);
    giver.finish();
    ASSERT_TRUE(taker.receive(sent.size()) == sent) << "giver " << i;
  }
}

TEST_P(Conformance, Makes_a_sender_wait_while_a_channel_is_full) {
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  if (!shape().shares_memory()) GTEST_SKIP() << no_shared_memory;
  TestServer& server = serve("hand_over");
  Client giver(server.address());
  Client taker(server.address());
  for (int i = 0; i < 10; ++i) giver.send("give " + std::to_string(i) + "\n");
  for (int i = 0; i < 4; ++i) ASSERT_EQ(giver.receive_line(), "given\n");
  for (int i = 0; i < 10; ++i) {
    taker.send("take\n");
    ASSERT_EQ(taker.receive_line(), std::to_string(i) + "\n");
  }
  for (int i = 4; i < 10; ++i) ASSERT_EQ(giver.receive_line(), "given\n");
}

// Each way to use it, and the connection goes on.
TEST_P(Conformance, Says_that_a_channel_does_not_reach_another_process) {
  if (shape().model != weir::Model::fork && shape().kind != weir::WorkerKind::process) {
    GTEST_SKIP() << "its handlers run in the process that made the channel";
  }
  TestServer& server = serve("use_channel");
  for (int i = 0; i < 4; ++i) {  // On both workers, one should think.
    Client client(server.address());
    for (const char* way : {"send", "receive", "either", "try", "close", "send"}) {
      client.send(std::string(way) + "\n");
      const std::string answer = client.receive_line();
      EXPECT_TRUE(answer.starts_with("not shared: a channel works within one process"))
          << way << ": " << answer;
    }
    client.finish();
    EXPECT_EQ(client.receive_to_end(), "");
  }
  server.stop();
  EXPECT_EQ(server.total("ended"), 4U);
}

TEST_P(SingleWorker, Hands_a_message_over_within_one_worker_process) {
  if (shape().simulated)
    GTEST_SKIP() << "simulated: its handlers' static variables are everybody's";
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  if (shape().model == weir::Model::fork) GTEST_SKIP() << no_shared_memory;
  TestServer& server =
      serve_by({shape().model, 1, weir::WorkerKind::process}, "hand_over_within");
  Client taker(server.address());
  Client giver(server.address());
  for (int i = 0; i < 20; ++i) {
    const std::string message = std::to_string(i) + "\n";
    if (i % 2 == 0) taker.send("take\n");
    giver.send(message);
    if (i % 2 != 0) taker.send("take\n");
    ASSERT_EQ(taker.receive_line(), message);
    ASSERT_EQ(giver.receive_line(), "given\n");
  }
}

TEST_P(Conformance, Tells_everybody_in_a_room_what_one_says) {
  if (!serves_at_once(10)) GTEST_SKIP() << one_at_a_time;
  if (!shape().shares_memory()) GTEST_SKIP() << no_shared_memory;
  TestServer& server = serve("chat");
  std::vector<Client> members;
  for (int i = 0; i < 10; ++i) {
    members.emplace_back(server.address());
    ASSERT_EQ(members.back().receive_line(), "welcome\n");
  }
  for (std::size_t round = 0; round < 50; ++round) {
    const std::string line = "round " + std::to_string(round) + "\n";
    members[round % members.size()].send(line);
    for (Client& member : members) ASSERT_EQ(member.receive_line(), line);
  }
  members.pop_back();
  members[0].send("good-bye\n");
  for (Client& member : members) ASSERT_EQ(member.receive_line(), "good-bye\n");
}

/// Sends without pause and throws away what comes back, in a thread of its own.
class Flood {
 public:
  explicit Flood(const std::string& address) : client_(address), thread_([this] { run(); }) {}
  ~Flood() {
    stop_ = true;
    thread_.join();
  }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

  std::size_t received() const { return received_; }

 private:
  void run() {
    const std::string filler(64 * 1024, '.');
    try {
      while (!stop_) {
        client_.send_some(filler);
        received_ += client_.receive_now().size();
      }
    } catch (const std::system_error&) { stop_ = true; }
  }

  Client client_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> received_{0};
  std::thread thread_;
};

TEST_P(SingleWorker, Serves_sixty_three_polite_clients_beside_one_that_floods) {
  if (shape().simulated) GTEST_SKIP() << no_client_threads;
  if (!serves_at_once(64)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("echo");
  Flood flood(server.address());
  ASSERT_TRUE(eventually([&] { return flood.received() > 0; }));
  std::vector<Client> polite;
  for (int i = 0; i < 63; ++i) polite.emplace_back(server.address());
  for (int round = 0; round < 5; ++round) {
    for (Client& client : polite) ASSERT_EQ(client.converse("please"), "please");
  }
  // And the one that floods is not shut out either.
  const std::size_t before = flood.received();
  EXPECT_TRUE(eventually([&] { return flood.received() > before; }));
}

TEST_P(SingleWorker, Serves_polite_clients_beside_one_that_pipelines_without_end) {
  if (!serves_at_once(64)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("lines");
  Client greedy(server.address());
  std::string requests;
  for (int i = 0; i < 100'000; ++i) requests += "x\n";
  // It never reads: its answers fill the outbox, and nobody else may suffer from that.
  for (int i = 0; i < 50; ++i) greedy.send_some(requests);
  Client polite(server.address());
  polite.send("please\n");
  EXPECT_EQ(polite.receive_line(), "1:please\n");
}

}  // namespace
}  // namespace conformance
