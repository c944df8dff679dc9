// Wakes that come late: the flag has been taken already when the descriptor becomes readable, or
// there is no descriptor.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <weir/channel.h>
#include <weir/client.h>
#include <weir/server.h>
#include <weir/time.h>

#include "os/tap.h"
#include "tests/inside/loop_models.h"
#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/unit/every_model.h"

namespace weir {
namespace {

using os::Call;
using os::CallKind;
using support::Client;
using support::eventually;

thread_local bool is_late = false;

/// Holds back the first write(2) of the thread that is_late until somebody has read in vain, and
/// counts the calls that wait.
class LateWrite final : public os::Tap {
 public:
  LateWrite() { os::install(this); }
  ~LateWrite() { os::install(nullptr); }

  bool before(Call& call) noexcept override {
    if (call.kind == CallKind::write && is_late) {
      is_late = false;
      holding = true;
      EXPECT_TRUE(eventually([this] { return taken.load(); }));
    }
    const bool waits = call.kind == CallKind::epoll_wait || call.kind == CallKind::poll ||
                       call.kind == CallKind::select || call.kind == CallKind::io_uring_enter;
    if (waits) ++waited;
    return false;
  }
  void after(Call& call) noexcept override {
    if (call.kind == CallKind::read && call.result == -EAGAIN && holding) taken = true;
  }

  std::atomic<bool> holding{false};
  std::atomic<bool> taken{false};
  std::atomic<int> waited{0};
};

Task<> answer_late(Connection& peer) {
  const Chunk bytes = co_await peer.receive();
  co_await sleep_for(std::chrono::seconds(1));
  co_await peer.send(bytes);
}

class Waking : public unit::EveryModel {};

TEST_P(Waking, Sleeps_again_after_a_write_that_came_late) {
  LateWrite tap;
  Server server(answer_late);
  server.model(GetParam()).listen("127.0.0.1:0");
  server.start();
  std::thread serving([&] { server.wait(); });
  Client early(server.endpoints().at(0).text());
  Client other(server.endpoints().at(0).text());
  early.send("x");
  EXPECT_TRUE(eventually([&] { return tap.waited.load() > 0; }));  // There is somebody to wake.
  std::thread stopping([&] {
    is_late = true;
    server.stop(std::chrono::minutes(1));
  });
  EXPECT_TRUE(eventually([&] { return tap.holding.load(); }));
  other.send("y");  // The loop turns, and finds the flag.
  stopping.join();
  const int before = tap.waited;
  support::rest(std::chrono::milliseconds(100));
  EXPECT_LE(tap.waited - before, 20);
  EXPECT_EQ(early.receive(1), "x");
  EXPECT_EQ(other.receive(1), "y");
  serving.join();
}

/// There is no descriptor left for an eventfd(2).
class NoEventfd final : public os::Tap {
 public:
  NoEventfd() { os::install(this); }
  ~NoEventfd() { os::install(nullptr); }

  bool before(Call& call) noexcept override {
    if (call.kind != CallKind::eventfd) return false;
    ++refused;
    call.result = -EMFILE;
    return true;
  }
  void after(Call&) noexcept override {}

  std::atomic<int> refused{0};
};

Task<int> receive_one(Channel<int>& channel) {
  const std::optional<int> message = co_await channel.receive();
  co_return message.value_or(0);
}

TEST_P(Waking, Comes_late_and_is_not_lost_without_a_descriptor) {
  NoEventfd tap;
  Channel<int> channel(1);
  std::thread other([&] {
    support::rest(std::chrono::milliseconds(100));
    EXPECT_TRUE(channel.try_send(7));
  });
  EXPECT_EQ(run(receive_one(channel), GetParam()), 7);
  EXPECT_GE(tap.refused, 1);
  other.join();
}

// Of blocking models a thread sleeps that the second client does not wake; nonblocking never does.
INSTANTIATE_TEST_SUITE_P(Every_model, Waking,
                         testing::ValuesIn(inside::loop_models_but(Model::nonblocking)),
                         unit::model_name);

}  // namespace
}  // namespace weir
