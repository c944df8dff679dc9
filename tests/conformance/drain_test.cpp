// drain_test.cpp - a stop under load: what was accepted is not cut before the drain time is over;
// and what becomes of those who go on for longer.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <system_error>
#include <thread>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t request_size = 100;

/// One client of many, each with one request on its way at a time. The server takes a while for
/// each answer, so a stop finds most of them at work.
class Asker {
 public:
  Asker(const std::string& address, std::uint64_t seed)
      : client_(address), request_(random_bytes(seed, request_size)) {
    request_.front() = static_cast<char>(seed % 3);
    client_.send(request_);
  }

  bool over() const { return over_; }
  std::size_t answers() const { return answers_; }

  /// Takes what has come. After a whole answer it asks again.
  void tend(bool stop_was_asked) {
    try {
      const auto bytes = client_.receive_if_any();
      if (!bytes) return;
      if (bytes->empty()) return end();
      got_ += *bytes;
      if (got_.size() < request_size) return;
      right_ = right_ && got_ == request_;
      got_.clear();
      ++answers_;
      asked_ = asks_more(stop_was_asked);
      asked_after_stop_ = stop_was_asked;
      if (asked_) client_.send(request_);
    } catch (const std::system_error&) {
      was_reset_ = true;
      end();
    }
  }

  void check() const {
    EXPECT_TRUE(right_) << "a wrong byte";
    EXPECT_EQ(got_.size(), 0U) << "an answer was cut";
    // Whoever was never answered may have waited in the backlog, and nobody ever accepted it.
    if (answers_ == 0) return;
    EXPECT_FALSE(was_reset_) << "after " << answers_ << " answers";
    EXPECT_TRUE(!asked_ || asked_after_stop_) << "asked before the stop, and not answered";
  }

 private:
  // Some stay silent once the server stops, and some go on for a while.
  bool asks_more(bool stop_was_asked) {
    if (stop_was_asked) ++answered_since_stop_;
    return answered_since_stop_ < 1 + request_.front() % 3;
  }
  void end() {
    over_ = true;
    client_.close();
  }

  Client client_;
  std::string request_;
  std::string got_;
  std::size_t answers_ = 0;
  bool over_ = false;
  bool right_ = true;
  bool was_reset_ = false;
  bool asked_ = true;
  bool asked_after_stop_ = false;
  int answered_since_stop_ = 0;
};

class Crowd {
 public:
  Crowd(const TestServer& server, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) askers_.emplace_back(server.address(), i);
  }
  void tend(bool stop_was_asked) {
    for (Asker& asker : askers_) {
      if (!asker.over()) asker.tend(stop_was_asked);
    }
    support::rest(1ms);
  }
  std::size_t answers() const {
    std::size_t sum = 0;
    for (const Asker& asker : askers_) sum += asker.answers();
    return sum;
  }
  bool over() const {
    return std::all_of(askers_.begin(), askers_.end(), [](const Asker& a) { return a.over(); });
  }
  void check() const {
    for (const Asker& asker : askers_) asker.check();
  }

 private:
  std::vector<Asker> askers_;
};

TEST_P(Conformance, Cuts_nothing_that_it_has_accepted_before_the_drain_time_is_over) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  const int repeats = support::full() ? 50 : 2;
  std::size_t answers = 0;
  for (int i = 0; i < repeats && !HasFailure(); ++i) {
    SCOPED_TRACE("repeat " + std::to_string(i));
    TestServer& server = serve("late_echo", {"--pause-ms", "15", "--drain-ms", "60000"});
    Crowd crowd(server, 20);
    // In the midst of it, and each time elsewhere.
    const std::size_t enough = 20 + static_cast<std::size_t>(i) * 7 % 30;
    for (support::Deadline deadline; crowd.answers() < enough && !deadline.passed();) {
      crowd.tend(false);
    }
    server.signal(SIGTERM);
    for (support::Deadline deadline; !crowd.over() && !deadline.passed();) crowd.tend(true);
    crowd.check();
    EXPECT_EQ(server.wait(), 0);
    EXPECT_EQ(server.total("cut"), 0U);
    EXPECT_EQ(server.total("failed"), 0U);
    answers += crowd.answers();
  }
  std::printf("%d stops under load, %zu answers, none cut\n", repeats, answers);
}

// On io-uring what was received waits beside the kernel while its handler's budget is used up: the
// session was taken for idle, and ended.
TEST_P(SingleWorker, Answers_what_it_has_received_when_it_stops_also_at_its_budget) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  TestServer& server = serve("stops", {"--budget-operations", "1", "--drain-ms", "60000"});
  const std::string sent = random_bytes(1, 60'000);
  Client asks(server.address());
  EXPECT_EQ(asks.converse("hello"), "hello");
  Client stops(server.address());
  EXPECT_EQ(stops.converse("hello"), "hello");
  ASSERT_EQ(::kill(-server.group(), SIGSTOP), 0);
  asks.send(sent);
  asks.wait_until_delivered();
  stops.send("stop");
  stops.wait_until_delivered();
  ASSERT_EQ(::kill(-server.group(), SIGCONT), 0);
  EXPECT_TRUE(asks.receive(sent.size()) == sent);
  EXPECT_EQ(stops.receive(4), "stop");
  asks.finish();
  stops.finish();
  EXPECT_EQ(server.wait(), 0);
}

TEST_P(Conformance, Cuts_those_who_do_not_end_in_the_drain_time_and_says_how_many) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("late_echo", {"--pause-ms", "3600000", "--drain-ms", "300"});
  const std::size_t count = std::min<std::size_t>(3, shape().clients_at_once());
  std::vector<Client> clients = clients_that_ask(server, count);
  for (Client& client : clients) client.wait_until_delivered();
  // Until each of them is in its handler: what was sent has been read.
  support::rest(200ms);
  server.signal(SIGTERM);
  // FIN would say that there was nothing more to come.
  for (Client& client : clients) EXPECT_TRUE(eventually([&] { return client.was_reset(); }));
  EXPECT_EQ(server.wait(), 3);
  EXPECT_EQ(server.total("cut"), count);
  EXPECT_NE(server.errors().find(std::to_string(count) + " connections were cut"),
            std::string::npos)
      << server.errors();
}

// Beside its client it awaits what is there at once, so it would never meet the end of its wait.
// Idle or cut: that depends on the moment at which it is looked at.
TEST_P(Conformance, Ends_those_whose_handler_never_rests) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("closed_inbox", {"--drain-ms", "300"});
  Client client(server.address());
  client.send("x");
  client.wait_until_delivered();
  support::rest(100ms);
  server.signal(SIGTERM);
  const int code = server.wait();
  EXPECT_TRUE(code == 0 || code == 3) << code;
  EXPECT_EQ(server.total("ended") + server.total("cut"), 1U) << server.errors();
}

// Between two pieces of an upload its handler only waits for the client, too.
TEST_P(Conformance, Cuts_those_who_are_in_the_middle_of_what_they_say_too) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("discard", {"--drain-ms", "1500"});
  Client client(server.address());
  std::atomic<bool> over{false};
  std::thread uploads([&] {
    try {
      for (; !over; support::rest(10ms)) client.send("a piece of it");
    } catch (const std::system_error&) {}  // Cut.
  });
  support::rest(200ms);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 3);
  over = true;
  uploads.join();
  EXPECT_EQ(server.total("cut"), 1U) << server.errors();
  EXPECT_EQ(server.total("ended"), 0U);
}

// Who has his answer, or nothing to have one to, is idle whatever his handler waits for beside him.
TEST_P(Conformance, Ends_those_who_are_idle_within_a_deadline_or_beside_a_timer_or_a_channel) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  for (const char* handler : {"whole_deadline", "deadline", "two_things", "chat"}) {
    if (std::string_view(handler) == "chat" && !shape().shares_memory()) continue;
    SCOPED_TRACE(handler);
    TestServer& server = serve(handler, {"--pause-ms", "3600000", "--drain-ms", "3600000"});
    Client client(server.address());
    client.send("hello");
    EXPECT_FALSE(client.receive_some().empty());
    server.signal(SIGTERM);
    EXPECT_FALSE(client.sees_end() && client.was_reset());
    EXPECT_EQ(server.wait(), 0);
    EXPECT_EQ(server.total("ended"), 1U) << server.errors();
  }
}

// However often they begin to wait for him anew, and whatever they say meanwhile.
TEST_P(SingleWorker, Ends_those_who_are_idle_though_their_handler_looks_up_now_and_then) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  for (const char* handler : {"deadline", "two_things", "ticker"}) {
    SCOPED_TRACE(handler);
    TestServer& server = serve(handler, {"--pause-ms", "100", "--drain-ms", "3600000"});
    Client client(server.address());
    if (std::string_view(handler) != "ticker") client.send("hello");
    EXPECT_FALSE(client.receive_some().empty());
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    EXPECT_EQ(server.total("ended"), 1U) << server.errors();
  }
}

// A worker may have nobody but clients who wait for room, which the others' do not leave them.
TEST_P(Conformance, Ends_in_the_drain_time_also_where_a_worker_serves_nobody) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("late_echo", {"--pause-ms", "3600000", "--drain-ms", "300",
                                           "--connections-max", "1", "--reuse-port", "1"});
  const std::vector<Client> clients = clients_that_ask(server, 8);
  support::rest(200ms);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 3);
  EXPECT_GE(server.total("cut"), 1U);
}

// They are served when those before them have left, which a stop may bring about. On threads and on
// fork whoever was served only then was not told of the stop.
TEST_P(Conformance, Ends_who_has_waited_for_room_and_says_nothing_when_he_is_served) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("echo", {"--drain-ms", "3600000", "--first-byte", "0",
                                      "--connections-max", "1", "--reuse-port", "1"});
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(server.address());
  support::rest(200ms);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST_P(Conformance, Tells_its_handlers_that_it_stops) {
  TestServer& server = serve("until_stop", {"--drain-ms", "3600000"});
  Client client(server.address());
  client.send("x");
  EXPECT_EQ(client.receive_line(), "hello\n");
  EXPECT_FALSE(client.has_answer());
  server.signal(SIGTERM);
  EXPECT_EQ(client.receive_line(), "goodbye\n");
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.wait(), 0);
}

TEST_P(Conformance, Waits_no_longer_than_a_moment_for_a_client_who_holds_on_to_what_has_ended) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server =
      serve("sender", {"--size", "100", "--drain-ms", "3600000", "--linger-ms", "3600000"});
  Client client(server.address());
  EXPECT_FALSE(client.receive_to_end().empty());
  support::rest(50ms);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(server.total("ended"), 1U);
}

// A duplicate of a closed listener stays in an epoll set, and its level is reported for ever while
// clients wait there for others: the next process, or a service manager.
TEST_P(Conformance, Sleeps_while_it_drains_though_clients_wait_for_others_at_its_listener) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  if (shape().model == weir::Model::nonblocking) GTEST_SKIP() << "it never sleeps";
  const support::TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket", address = "unix:" + path;
  TestServer& server =
      serve("late_echo", {"--pause-ms", "3600000", "--drain-ms", "1000", "--inherit", path});
  Client busy(address);
  busy.send("x");
  busy.wait_until_delivered();
  support::rest(200ms);
  server.signal(SIGTERM);
  support::rest(200ms);
  const Client waits(address);
  EXPECT_EQ(server.wait(), 3);
  EXPECT_LT(server.total("turns"), 1000U);
}

TEST_P(Conformance, Ends_at_once_on_a_second_signal) {
  if (shape().simulated) GTEST_SKIP() << no_signals;
  TestServer& server = serve("late_echo", {"--pause-ms", "3600000", "--drain-ms", "3600000"});
  Client client(server.address());
  client.send("x");
  client.wait_until_delivered();
  support::rest(200ms);
  server.signal(SIGTERM);
  // It goes on, and accepts nobody.
  EXPECT_TRUE(eventually([&] {
    try {
      const Client refused(server.address());
      return false;
    } catch (const std::system_error&) { return true; }
  }));
  EXPECT_FALSE(client.was_reset());
  server.signal(SIGTERM);
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.wait(), 3);
  // Those who tried whether it accepts may be among them.
  EXPECT_GE(server.total("cut"), 1U);
}

}  // namespace
}  // namespace conformance
