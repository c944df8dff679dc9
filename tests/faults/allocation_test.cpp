// allocation_test.cpp - fails the first allocations of a start and of conversations, one at a time.
//
// The n-th call of operator new fails, in whatever thread or process of the server it is, with n
// from 1 until there is no such call. Then a connection ends, or the start fails with one line; no
// crash, no hang, no wrong byte, and the next client is served.
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <weir/weir.h>

#include "tests/faults/conversation.h"
#include "tests/faults/failing_new.h"
#include "tests/faults/shapes.h"
#include "tests/support/random.h"
#include "tests/support/sandbox.h"

namespace {

using namespace std::chrono_literals;
using faults::Exempt;
using faults::FailingNew;
using faults::Running;
using support::Client;

using support::full;

weir::Task<> echo_pieces(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) {
    const std::size_t half = bytes.size() / 2;
    co_await peer.send(bytes.bytes().first(half), bytes.bytes().subspan(half));
  }
}

weir::Task<> rest_a_while() { co_await weir::sleep_for(1h); }

/// An echo that takes whatever needs memory: a task beside it, a deadline, a wait for two things,
/// a chunk given away.
weir::Task<> busy_echo(weir::Connection& peer) {
  peer.spawn(rest_a_while());
  co_await weir::when_all(echo_pieces(peer));
}
weir::Task<> raced_echo(weir::Connection& peer) {
  while (true) {
    auto [bytes, late] = co_await weir::when_any(peer.receive(), weir::sleep_for(1h));
    if (late || bytes->empty()) break;
    auto sending = peer.send(std::move(*bytes));
    co_await weir::within(1h, std::move(sending));
  }
}

std::mutex lines_mutex;
std::vector<std::string>* lines = nullptr;
void note_line(weir::LogLevel level, std::string_view line) {
  const Exempt exempt;
  const std::lock_guard lock(lines_mutex);
  if (level != weir::LogLevel::info && lines != nullptr) lines->emplace_back(line);
}

class Allocations : public faults::EveryShape {
 protected:
  void SetUp() override {
    faults::EveryShape::SetUp();
    lines = &said_;
  }
  void TearDown() override { lines = nullptr; }

  static void set_up(weir::Server& server) {
    faults::EveryShape::set_up(server);
    server.on_log(note_line);
  }
  std::vector<std::string> take_lines() {
    const std::lock_guard lock(lines_mutex);
    return std::exchange(said_, {});
  }

  void conversation(weir::Task<> (*handler)(weir::Connection&));
  bool conversation_without(int nth, weir::Task<> (*handler)(weir::Connection&));
  bool start_without(int nth);

  const Exempt exempt_;  // The test's own thread, and its clients.
  FailingNew failing_new_;

 private:
  std::vector<std::string> said_;
};

/// False: there is no such allocation.
bool Allocations::conversation_without(int nth, weir::Task<> (*handler)(weir::Connection&)) {
  weir::Server server(handler);
  set_up(server);
  {
    const Exempt counts(false);  // For the worker processes, which are forked here.
    server.start();
  }
  const std::string address = server.endpoints().at(0).text();
  Running running(server);
  faults::expect_served(address, "the first one");
  failing_new_.arm(nth);
  faults::converse(address, support::random_bytes(7, 20'000));
  const bool happened = failing_new_.disarm();
  faults::expect_served(address, "the next one");
  EXPECT_EQ(running.stop(), 0);
  const weir::Statistics totals = server.statistics();
  EXPECT_EQ(totals.accepted, totals.closed);
  EXPECT_EQ(totals.lost, 0U) << "a child process has crashed";
  for (const std::string& line : take_lines()) {
    EXPECT_FALSE(line.starts_with("worker")) << line;  // One ended, and all its connections.
  }
  return happened;
}

void Allocations::conversation(weir::Task<> (*handler)(weir::Connection&)) {
  for (int nth = 1; !HasFailure(); nth += full() ? 1 : 1 + nth / 2) {
    SCOPED_TRACE("allocation no. " + std::to_string(nth));
    if (!conversation_without(nth, handler)) break;
  }
}

TEST_P(Allocations, No_failed_one_harms_anybody_but_its_own_connection) {
  const std::size_t before = faults::open_descriptors();
  conversation(busy_echo);
  conversation(raced_echo);
  EXPECT_EQ(faults::open_descriptors(), before);
  EXPECT_GT(failing_new_.fired(), 5U);
  std::printf("%s: %llu allocations of conversations failed\n", GetParam().name().c_str(),
              static_cast<unsigned long long>(failing_new_.fired()));
}

/// False: there is no such allocation.
bool Allocations::start_without(int nth) {
  weir::Server server(busy_echo);
  set_up(server);
  failing_new_.arm(nth);
  try {
    const Exempt counts(false);
    server.start();
  } catch (const weir::StartError& error) {
    const std::string why = error.what();
    // A worker process says it itself.
    const bool says_why = why.find("memory") != std::string::npos;
    EXPECT_TRUE(says_why || why.ends_with("ended with exit code 1 at its start")) << why;
    EXPECT_EQ(why.find('\n'), std::string::npos) << why;
    EXPECT_TRUE(failing_new_.disarm());
    return true;
  }
  std::string answer;
  bool happened = false;
  int code = -1;
  {
    Running running(server);
    try {
      Client client(server.endpoints().at(0).text());
      answer = client.converse("hello");
      client.finish();
    } catch (const std::exception&) {}  // Refused, or ended.
    happened = failing_new_.disarm();
    code = running.stop();
  }
  const std::vector<std::string> said = take_lines();
  EXPECT_TRUE(happened || answer == "hello") << "not served, and nothing has failed";
  if (code != 0) {
    EXPECT_TRUE(GetParam().starts_late() && happened);
    EXPECT_EQ(code, 2);
    EXPECT_EQ(said, std::vector<std::string>{"worker 0 cannot start: out of memory"});
  }
  return happened;
}

TEST_P(Allocations, A_start_that_lacks_one_fails_with_one_line) {
  const std::size_t before = faults::open_descriptors();
  for (int nth = 1; !HasFailure(); nth += full() ? 1 : 1 + nth / 2) {
    SCOPED_TRACE("allocation no. " + std::to_string(nth));
    if (!start_without(nth)) break;
  }
  EXPECT_EQ(faults::open_descriptors(), before);
  EXPECT_GT(failing_new_.fired(), 5U);
  std::printf("%s: %llu allocations of starts failed\n", GetParam().name().c_str(),
              static_cast<unsigned long long>(failing_new_.fired()));
}

INSTANTIATE_TEST_SUITE_P(Every_model, Allocations, testing::ValuesIn(faults::shapes()),
                         faults::shape_name);

}  // namespace
