// How many completions to wait for: it follows what comes, and asks for too many ever more seldom.
#include "engine/batching.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>
#include <weir/server.h>

#include "os/tap.h"
#include "tests/support/client.h"
#include "tests/unit/running_server.h"

namespace weir::detail {
namespace {

/// Of each wait at most `available` come. Returns how many waits were in vain.
int waits_in_vain(Batching& batching, unsigned available, int waits) {
  int in_vain = 0;
  for (int i = 0; i < waits; ++i) {
    if (available < batching.wanted()) ++in_vain;
    batching.came(std::min(available, batching.wanted()));
  }
  return in_vain;
}

TEST(Batching, Never_makes_one_who_is_alone_wait) {
  Batching batching;
  EXPECT_EQ(waits_in_vain(batching, 1, 100'000), 0);
  EXPECT_EQ(batching.wanted(), 1U);
}

TEST(Batching, Waits_for_as_many_as_it_is_good_for_when_enough_come) {
  Batching batching;
  for (int i = 0; i < 200; ++i) batching.came(std::max(2U, batching.wanted()));
  EXPECT_EQ(batching.wanted(), Batching::most);
}

TEST(Batching, Is_in_vain_seldom_however_many_there_are) {
  for (unsigned available = 2; available < Batching::most; ++available) {
    Batching batching;
    for (int i = 0; i < 8; ++i) batching.came(2);
    EXPECT_LE(waits_in_vain(batching, available, 10'000), 25) << available;
    EXPECT_LE(batching.wanted(), available);
    EXPECT_GE(batching.wanted(), available / 2);
  }
}

TEST(Batching, Waits_for_one_again_as_soon_as_nobody_came) {
  Batching batching;
  for (int i = 0; i < 200; ++i) batching.came(std::max(2U, batching.wanted()));
  batching.came(0);
  EXPECT_EQ(batching.wanted(), 1U);
}

TEST(Batching, Waits_for_more_again_when_more_come_than_it_once_waited_for_in_vain) {
  Batching batching;
  for (int i = 0; i < 8; ++i) batching.came(2);
  waits_in_vain(batching, 5, 10'000);
  for (int i = 0; i < 5'000; ++i) batching.came(std::max(2U, batching.wanted()));
  EXPECT_EQ(batching.wanted(), Batching::most);
}

/// Counts the enters that wait for more than one completion.
class Enters final : public os::Tap {
 public:
  Enters() { os::install(this); }
  ~Enters() { os::install(nullptr); }

  bool before(os::Call& call) noexcept override {
    if (call.kind == os::CallKind::io_uring_enter && call.arguments[1] > 1) ++for_several;
    return false;
  }
  void after(os::Call&) noexcept override {}

  std::atomic<int> for_several{0};
};

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

/// How many enters waited for several while 16 clients asked, all at once, again and again.
int enters_for_several(std::chrono::microseconds batch_wait) {
  Enters enters;
  Options options;
  options.batch_wait = batch_wait;
  unit::RunningServer server(echo, Model::io_uring, options);
  std::vector<support::Client> clients;
  for (int i = 0; i < 16; ++i) clients.emplace_back(server.address());
  for (int round = 0; round < 100; ++round) {
    for (support::Client& client : clients) client.send("x");
    for (support::Client& client : clients) EXPECT_EQ(client.receive(1), "x");
  }
  return enters.for_several;
}

TEST(Batching, Is_done_where_it_is_asked_for) {
  const Availability availability = weir::availability(Model::io_uring);
  if (!availability.available) GTEST_SKIP() << "not available here: " << availability.reason;
  EXPECT_EQ(enters_for_several({}), 0);
  EXPECT_GT(enters_for_several(std::chrono::milliseconds(2)), 0);
}

}  // namespace
}  // namespace weir::detail
