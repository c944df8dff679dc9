// crowd_test.cpp - clients that say nothing and clients that never read, very many of them, beside
// some that ask and are answered; and what the deadlines of so many cost.
#include <algorithm>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using Microseconds = std::chrono::microseconds;

using support::full;

struct Numbers {
  std::size_t silent, stuck, polite;
};

/// How many a model is tried with: select has room for 1,024 descriptors, and on `fork` and
/// `threads` each client is a process or a thread, of which a machine has fewer.
Numbers numbers(const Shape& shape) {
  if (!full()) return {300, 20, 10};
  switch (shape.model) {
    case weir::Model::select: return {600, 200, 50};
    case weir::Model::fork: return {500, 200, 50};
    case weir::Model::threads: return {2000, 200, 50};
    default: return {10'000, 200, 50};
  }
}

/// Whether the cost of one request is the same whoever else is connected. Others ask, or look at,
/// everybody in each round.
bool costs_the_same_in_a_crowd(const Shape& shape) {
  return shape.model != weir::Model::nonblocking && shape.model != weir::Model::select &&
         shape.model != weir::Model::poll;
}

std::vector<Client> connect_many(const TestServer& server, std::size_t count,
                                 Client::Options options = {}) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < count; ++i) {
    options.from = "127.0.0." + std::to_string(2 + i % 100) + ":0";
    clients.emplace_back(server.address(), options);
  }
  return clients;
}

/// Sends until nothing more goes in, on either side, and never reads. A server that is kept from
/// its turn takes nothing for a while either.
void get_stuck(std::vector<Client>& clients) {
  const std::string filler(32 * 1024, '.');
  std::size_t sent = 0;
  const auto send_more = [&] {
    for (Client& client : clients) sent += client.send_some(filler);
    return sent;
  };
  const std::size_t outboxes = clients.size() * 64 * 1024;
  EXPECT_TRUE(support::eventually([&] { return send_more() > outboxes; }))
      << "they never filled an outbox";
  support::settled(send_more);
}

class Polite {
 public:
  Polite(const TestServer& server, std::size_t count) : clients_(connect_many(server, count)) {}

  /// One question of each after the other.
  void ask() {
    for (Client& client : clients_) {
      const std::string question = random_bytes(++asked_, 64);
      const auto start = support::Clock::now();
      client.send(question);
      right_ += client.receive(question.size()) == question ? 1 : 0;
      took_.push_back(std::chrono::duration_cast<Microseconds>(support::Clock::now() - start));
    }
  }
  bool all_answered() const { return right_ == asked_; }
  Microseconds p99() {
    const auto place = took_.begin() + static_cast<std::ptrdiff_t>(took_.size() * 99 / 100);
    std::nth_element(took_.begin(), place, took_.end());
    return *place;
  }

 private:
  std::vector<Client> clients_;
  std::size_t asked_ = 0;
  std::size_t right_ = 0;
  std::vector<Microseconds> took_;
};

// Silent clients are not to be ended while it is measured.
const TestServer::Values patient = {"--first-byte", "3600000", "--send", "3600000"};

TEST_P(SingleWorker, Answers_the_polite_among_silent_clients_and_those_that_never_read) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (!serves_at_once(2)) GTEST_SKIP() << one_at_a_time;
  const Numbers count = numbers(shape());
  if (support::raise_descriptors() < count.silent + 1000) GTEST_SKIP() << few_descriptors;
  TestServer& crowded = serve("echo", patient);
  TestServer& calm = serve("echo", patient);
  TestServer& control = serve("echo", patient);
  const std::vector<Client> silent = connect_many(crowded, count.silent);
  std::vector<Client> stuck =
      connect_many(crowded, count.stuck, {.receive_buffer = 4096, .send_buffer = 4096});
  get_stuck(stuck);
  Polite beside(crowded, count.polite), alone(calm, count.polite), again(control, count.polite);
  // In turn, so that whatever else the machine does concerns all three.
  for (int i = 0; i < (full() ? 100 : 10); ++i) {
    alone.ask();
    beside.ask();
    again.ask();
  }
  EXPECT_TRUE(beside.all_answered());
  EXPECT_TRUE(alone.all_answered() && again.all_answered());
  for (const Client& client : silent) ASSERT_EQ(client.unread(), 0U);
  const auto in_us = [](Microseconds time) { return static_cast<double>(time.count()); };
  const double ratio = in_us(beside.p99()) / in_us(alone.p99());
  const double noise = in_us(again.p99()) / in_us(alone.p99());
  std::printf(
      "p99 of %zu polite: %.0f us alone, %.0f us alone again, %.0f us beside %zu silent "
      "and %zu that never read: x %.2f\n",
      count.polite, in_us(alone.p99()), in_us(again.p99()), in_us(beside.p99()), count.silent,
      count.stuck, ratio);
  if (full() && costs_the_same_in_a_crowd(shape())) {
    EXPECT_LE(ratio, 2 * std::max({1.0, noise, 1 / noise}));
  }
  stuck.clear();
  crowded.stop();
  EXPECT_EQ(crowded.total("accepted"), count.silent + count.stuck + count.polite);
  EXPECT_EQ(crowded.total("timed_out"), 0U);
}

std::chrono::milliseconds cpu_of_idle(const TestServer& server, std::size_t clients,
                                      std::chrono::seconds duration) {
  std::vector<Client> idle = connect_many(server, clients);
  EXPECT_EQ(idle.front().converse("hello"), "hello");
  EXPECT_EQ(idle.back().converse("hello"), "hello");
  const auto before = support::cpu_time(server.group());
  support::rest(duration);
  return support::cpu_time(server.group()) - before;
}

TEST_P(SingleWorker, Keeps_the_deadlines_of_many_idle_clients_for_next_to_nothing) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (!shape().is_loop()) GTEST_SKIP() << "each of its clients is looked after by itself";
  if (shape().model == weir::Model::nonblocking) {
    GTEST_SKIP() << "it asks all its clients all the time anyway";
  }
  const std::size_t count = !full() ? 300 : shape().model == weir::Model::select ? 900 : 15'000;
  if (support::raise_descriptors() < count + 1000) GTEST_SKIP() << few_descriptors;
  const auto duration = full() ? 10s : 1s;
  // As they are by default; none; and one at which every client is looked at each second.
  const auto by_default = cpu_of_idle(serve("echo"), count, duration);
  const auto off = cpu_of_idle(serve("echo", {"--first-byte", "0", "--idle", "0", "--receive",
                                              "0", "--send", "0", "--connection", "0"}),
                               count, duration);
  std::printf("%zu idle clients, %lld s: %lld ms of CPU with deadlines, %lld ms without\n", count,
              static_cast<long long>(duration.count()),
              static_cast<long long>(by_default.count()), static_cast<long long>(off.count()));
  // Now and then time goes on, and select and poll then ask about everybody.
  if (!costs_the_same_in_a_crowd(shape())) return;
  // proc(5) counts in steps of 10 ms.
  EXPECT_LE(by_default, off + duration / 200 + 20ms);
}

// A deadline of a minute woke the loop four times a second.
TEST_P(SingleWorker, Sleeps_until_a_deadline_is_near) {
  if (!shape().is_loop()) GTEST_SKIP() << "each of its clients is looked after by itself";
  if (shape().model == weir::Model::nonblocking) GTEST_SKIP() << "it never sleeps";
  TestServer& server = serve("echo", {"--idle", "60000", "--first-byte", "60000"});
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(server.address());
  EXPECT_EQ(clients[0].converse("hello"), "hello");
  support::rest(shape().simulated ? 50s : 5s);
  clients.clear();
  server.stop();
  // Clients that come and go bring some, over a slow network more; four a second were 186 or 18.
  EXPECT_LE(server.total("turns"), shape().simulated ? 40U : 14U);
}

}  // namespace
}  // namespace conformance
