// How long the nonblocking model rests: by how long it was silent, whatever time brings meanwhile.
#include <gtest/gtest.h>

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <weir/server.h>
#include <weir/time.h>

#include "os/tap.h"
#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/unit/running_server.h"

namespace weir {
namespace {

using namespace std::chrono_literals;
using os::Call;
using os::CallKind;
using support::Client;
using support::eventually;

constexpr std::int64_t millisecond = 1'000'000;

/// Notes every rest, in ns, since something was received or sent, or since it was told to begin
/// anew. While `closed` is set nobody can be accepted, as if descriptors were out.
class Rests final : public os::Tap {
 public:
  Rests() { os::install(this); }
  ~Rests() { os::install(nullptr); }

  bool before(Call& call) noexcept override {
    if (call.kind == CallKind::nanosleep) note(call);
    if (call.kind != CallKind::accept4 || !closed) return false;
    call.result = -EMFILE;
    ++refused;
    return true;
  }
  void after(Call& call) noexcept override {
    const bool talks = call.kind == CallKind::recv || call.kind == CallKind::send;
    if (talks && call.result > 0) begin_anew();
  }

  void begin_anew() noexcept {
    const std::lock_guard lock(mutex_);
    rests_.clear();
  }
  std::vector<std::int64_t> all() const {
    const std::lock_guard lock(mutex_);
    return rests_;
  }
  std::int64_t last() const {
    const std::lock_guard lock(mutex_);
    return rests_.empty() ? 0 : rests_.back();
  }

  std::atomic<bool> closed{false};
  std::atomic<int> refused{0};

 private:
  void note(const Call& call) noexcept {
    const auto* time = reinterpret_cast<const timespec*>(call.arguments[0]);
    const std::lock_guard lock(mutex_);
    rests_.push_back(time->tv_sec * 1000 * millisecond + time->tv_nsec);
  }

  mutable std::mutex mutex_;
  std::vector<std::int64_t> rests_;
};

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

Options without_watch() {
  Options options;
  options.stall_after = {};
  return options;
}

TEST(Silence, Makes_rests_longer_and_the_first_word_makes_them_short_again) {
  Rests rests;
  unit::RunningServer server(echo, Model::nonblocking, without_watch());
  Client client(server.address());
  EXPECT_EQ(client.converse("x"), "x");
  ASSERT_TRUE(eventually([&] { return rests.last() > 4 * millisecond; }));
  std::int64_t silence = 0;
  for (const std::int64_t rest : rests.all()) {
    EXPECT_LE(rest, std::max(silence / 256, millisecond)) << "after " << silence << " ns";
    silence += rest;
  }
  ASSERT_EQ(client.converse("x"), "x");
  ASSERT_TRUE(eventually([&] { return rests.all().size() >= 100; }));
  const std::vector<std::int64_t> again = rests.all();
  EXPECT_EQ(again.front(), 1000);
  EXPECT_LE(*std::max_element(again.begin(), again.begin() + 100), millisecond);
}

TEST(Silence, Has_an_end_to_how_long_it_makes_them) {
  Rests rests;
  unit::RunningServer server(echo, Model::nonblocking, without_watch());
  ASSERT_TRUE(eventually([&] { return rests.last() == 16 * millisecond; }, 30s));
  rests.begin_anew();
  ASSERT_TRUE(eventually([&] { return rests.all().size() >= 20; }));
  for (const std::int64_t rest : rests.all()) EXPECT_LE(rest, 16 * millisecond);
}

// Each time that a listener's rest was over, the loop began again with the shortest of rests.
TEST(Silence, Is_not_broken_by_a_listener_that_tries_in_vain) {
  Rests rests;
  unit::RunningServer server(echo, Model::nonblocking, without_watch());
  rests.closed = true;
  Client client(server.address());
  ASSERT_TRUE(eventually([&] { return rests.last() > 4 * millisecond; }));
  rests.begin_anew();
  const int refused = rests.refused;
  ASSERT_TRUE(eventually([&] { return rests.refused >= refused + 5; }));
  const std::size_t count = rests.all().size();
  EXPECT_LT(count, 5 * 30U) << "of 80 ms at most between two tries";
  rests.closed = false;
  EXPECT_EQ(client.converse("x"), "x");
}

// Somebody who is told something may answer at once.
TEST(Silence, Is_broken_by_what_a_timer_makes_the_server_say) {
  Rests rests;
  const auto greets = [](Connection& peer) -> Task<> {
    co_await sleep_for(1500ms);
    co_await peer.send("x");
    co_await peer.receive();
  };
  unit::RunningServer server(greets, Model::nonblocking, without_watch());
  Client client(server.address());
  ASSERT_TRUE(eventually([&] { return rests.last() > 4 * millisecond; }));
  EXPECT_EQ(client.receive(1), "x");
  ASSERT_TRUE(eventually([&] { return !rests.all().empty(); }));
  EXPECT_EQ(rests.all().front(), 1000);
}

}  // namespace
}  // namespace weir
