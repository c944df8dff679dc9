// exhaustion_test.cpp - not one descriptor to be had, on every model: it costs no CPU, one line is
// logged, and service goes on as soon as there is one again.
#include <algorithm>

#include "tests/conformance/conformance.h"
#include "tests/support/sandbox.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

using support::full;

// Of the workers: a limit of each process, whatever it has open already.
void deny_descriptors(const TestServer& server) {
  for (const auto& process : support::processes(server.group())) {
    support::allow_descriptors(process.pid, support::lowest_free_descriptor(process.pid));
  }
}
void allow_descriptors(const TestServer& server) {
  for (const auto& process : support::processes(server.group())) {
    support::allow_descriptors(process.pid, 1000);
  }
}

Milliseconds cpu_over(const TestServer& server, Milliseconds duration) {
  const auto before = support::cpu_time(server.group());
  support::rest(duration);
  return support::cpu_time(server.group()) - before;
}

std::size_t lines_with(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// So many clients that have their answer, and stay.
std::vector<Client> staying_clients(const TestServer& server, std::size_t count) {
  std::vector<Client> clients;
  while (clients.size() < count) {
    clients.emplace_back(server.address());
    EXPECT_EQ(clients.back().converse("x"), "x");
  }
  return clients;
}

/// A server that has served, and whose clients have left.
TestServer& used(TestServer& server) {
  const std::size_t at_rest = support::processes(server.group()).size();
  {
    Client client(server.address());
    EXPECT_EQ(client.converse("hello"), "hello");
    client.finish();
    EXPECT_EQ(client.receive_to_end(), "");
  }
  // The child that served it, on `fork`, has gone.
  EXPECT_TRUE(eventually([&] { return support::processes(server.group()).size() <= at_rest; }));
  return server;
}

/// The same, and it has no descriptor left.
TestServer& without_descriptors(TestServer& server) {
  used(server);
  deny_descriptors(server);
  return server;
}

/// Clients that ask, of whom none is answered. A call of accept(2) that waited before there was no
/// descriptor has got its number already, so the first clients are answered; they leave, unless
/// they are to stay.
std::vector<Client> unanswered(const TestServer& server, std::size_t count,
                               std::vector<Client>* staying = nullptr) {
  std::vector<Client> clients;
  const auto all_wait = [&] {
    while (clients.size() < count) {
      clients.emplace_back(server.address());
      clients.back().send("x");
    }
    support::settled([&] { return answered(clients); }, 400ms);
    return std::erase_if(clients, [staying](Client& each) {
             if (!each.has_answer()) return false;
             if (staying != nullptr) {
               staying->push_back(std::move(each));
               return true;
             }
             each.finish();
             return each.receive_to_end() == "x";
           }) == 0;
  };
  EXPECT_TRUE(eventually(all_wait));
  EXPECT_TRUE(eventually([&] { return lines_with(server.errors(), "cannot accept") > 0; }));
  return clients;
}

constexpr const char* noted_before =
    "the kernel notes the limit of descriptors when it is asked to accept many";

// On io-uring the limit must be there before the server is: it fills up to it.
TEST_P(Conformance, Costs_no_CPU_while_it_cannot_accept_and_others_wait) {
  if (shape().simulated) GTEST_SKIP() << no_descriptor_limit;
  constexpr std::size_t waiting = 200;
  const bool fills = shape().model == weir::Model::io_uring;
  std::vector<Client> staying;
  TestServer& server = serve("echo", {"--connections-max", "1000"}, {.before_exec = [fills] {
                               if (fills) support::allow_descriptors(0, 100);
                             }});
  if (!fills) {
    used(server);
    if (serves_at_once(100)) staying = staying_clients(server, 100);
    deny_descriptors(server);
  }
  std::vector<Client> clients = unanswered(server, waiting, fills ? &staying : nullptr);
  // Nonblocking asks those who stay all the time, less often when they have long been silent.
  if (shape().model == weir::Model::nonblocking) support::rest(3s);
  const Milliseconds duration = full() ? 5s : 1s;
  const Milliseconds used = cpu_over(server, duration);
  // proc(5) counts in steps of 10 ms for each process.
  const Milliseconds steps = 20ms * support::processes(server.group()).size();
  // A sanitizer makes the same work several times as dear.
  EXPECT_LE(used, duration / (support::sanitized() ? 10 : 100) + steps);
  EXPECT_EQ(answered(clients), 0U);
  std::printf("no descriptor, %zu stay, %zu wait: %lld ms of CPU in %lld ms\n", staying.size(),
              waiting, static_cast<long long>(used.count()),
              static_cast<long long>(duration.count()));
  EXPECT_LE(lines_with(server.errors(), "cannot accept"), shape().workers) << "one line a worker";
  allow_descriptors(server);
  EXPECT_EQ(answered_as_others_leave(clients), waiting);
  staying.clear();
  server.stop();
  EXPECT_GE(server.total("rests"), 1U);
}

// The rest doubles up to 80 ms, so it is the middle of several that tells: a loaded machine makes
// some of them late, and a longer rest all of them.
TEST_P(SingleWorker, Serves_again_within_100_ms_of_the_first_free_descriptor) {
  if (shape().simulated) GTEST_SKIP() << no_descriptor_limit;
  if (shape().model == weir::Model::io_uring) GTEST_SKIP() << noted_before;
  TestServer& server = without_descriptors(serve("echo", {"--connections-max", "1000"}));
  std::vector<Milliseconds> late;
  for (int i = 0; i < (full() ? 11 : 1); ++i) {
    deny_descriptors(server);
    std::vector<Client> clients = unanswered(server, 1);  // The rests are as long as they get.
    const auto start = support::Clock::now();
    allow_descriptors(server);
    EXPECT_TRUE(eventually([&] { return clients[0].has_answer(); }));
    late.push_back(std::chrono::duration_cast<Milliseconds>(support::Clock::now() - start));
    clients[0].finish();
    EXPECT_EQ(clients[0].receive_to_end(), "x");
  }
  std::nth_element(late.begin(), late.begin() + static_cast<std::ptrdiff_t>(late.size() / 2),
                   late.end());
  const Milliseconds middle = late[late.size() / 2];
  std::printf("served %lld ms after the first free descriptor\n",
              static_cast<long long>(middle.count()));
  if (full()) { EXPECT_LE(middle, 100ms); }
}

// Whatever the server itself may need next: on threads what woke it took the one that came free.
TEST_P(SingleWorker, Serves_who_waits_with_the_first_descriptor_that_comes_free) {
  if (shape().simulated) GTEST_SKIP() << no_descriptor_limit;
  if (shape().clients_at_once() == 1) GTEST_SKIP() << one_at_a_time;
  if (shape().model == weir::Model::fork)
    GTEST_SKIP() << "its parent keeps no descriptor of a client";
  TestServer& server = serve("echo", {"--connections-max", "1000"},
                             {.before_exec = [] { support::limit_descriptors(48); }});
  std::vector<Client> clients;
  while (clients.size() < 60) {
    clients.emplace_back(server.address());
    clients.back().send("x");
  }
  const std::size_t served = support::settled([&] { return answered(clients); }, 400ms);
  ASSERT_LT(served, 50U) << "descriptors do not run out";
  ASSERT_TRUE(clients.front().has_answer());
  clients.front().finish();
  EXPECT_EQ(clients.front().receive_to_end(), "x");  // An answer less that waits to be taken.
  EXPECT_TRUE(eventually([&] { return answered(clients) == served; }));
}

}  // namespace
}  // namespace conformance
