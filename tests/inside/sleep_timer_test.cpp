// The timer that ends sleeps in the place of their bounds: requests set none, deadlines hold, and
// where there is no descriptor for it sleeps have bounds.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>

#include <weir/server.h>

#include "os/tap.h"
#include "tests/inside/loop_models.h"
#include "tests/support/client.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace weir {
namespace {

using os::Call;
using os::CallKind;
using support::Client;

/// Counts the sleeps that have a bound, and how often the timer is set; lets it fail if told so.
class Sleeps final : public os::Tap {
 public:
  enum class Fails : std::uint8_t { never, when_made, when_set_again };

  explicit Sleeps(Fails fails) : fails_(fails) { os::install(this); }
  ~Sleeps() { os::install(nullptr); }

  bool before(Call& call) noexcept override {
    if (is_bounded(call)) ++bounded;
    if (call.kind == CallKind::timerfd_create && fails_ == Fails::when_made) {
      call.result = -EMFILE;
      return true;
    }
    if (call.kind == CallKind::timerfd_settime && ++set > 1 && fails_ == Fails::when_set_again) {
      call.result = -EINVAL;
      return true;
    }
    return false;
  }
  void after(Call&) noexcept override {}

  std::atomic<int> bounded{0};
  std::atomic<int> set{0};

 private:
  static bool is_bounded(const Call& call) noexcept {
    switch (call.kind) {
      case CallKind::epoll_wait: return static_cast<int>(call.arguments[3]) > 0;
      case CallKind::poll: return static_cast<int>(call.arguments[2]) > 0;
      case CallKind::select: return call.arguments[4] != 0;
      case CallKind::io_uring_enter:
        return call.arguments[1] != 0 && static_cast<std::int64_t>(call.arguments[2]) > 0;
      default: return false;
    }
  }

  const Fails fails_;
};

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

class SleepTimer : public unit::EveryModel {
 protected:
  // Without a watch, which sleeps too.
  static Options options() {
    Options options;
    options.idle = std::chrono::seconds(2);
    options.stall_after = {};
    return options;
  }
};

TEST_P(SleepTimer, Is_set_for_many_sleeps_none_of_which_has_a_bound) {
  constexpr int requests = 1000;
  const auto began = std::chrono::steady_clock::now();
  Sleeps sleeps(Sleeps::Fails::never);
  unit::RunningServer server(echo, GetParam(), options());
  Client client(server.address());
  for (int i = 0; i < requests; ++i) ASSERT_EQ(client.converse("x"), "x");
  EXPECT_EQ(sleeps.bounded, 0);
  EXPECT_GE(sleeps.set, 1);
  const auto lasted = std::chrono::steady_clock::now() - began;
  EXPECT_LE(sleeps.set, 4 + 2 * (lasted / std::chrono::milliseconds(268)));
  EXPECT_EQ(client.receive_to_end(), "") << "the deadline";
}

TEST_P(SleepTimer, Is_not_needed_for_a_deadline) {
  Sleeps sleeps(Sleeps::Fails::when_made);
  unit::RunningServer server(echo, GetParam(), options());
  Client client(server.address());
  EXPECT_EQ(client.converse("x"), "x");
  EXPECT_EQ(client.receive_to_end(), "");
  EXPECT_EQ(sleeps.set, 0);
  EXPECT_GE(sleeps.bounded, 1);
}

TEST_P(SleepTimer, Is_not_needed_any_more_for_a_deadline_either) {
  Sleeps sleeps(Sleeps::Fails::when_set_again);
  unit::RunningServer server(echo, GetParam(), options());
  Client client(server.address());
  EXPECT_EQ(client.converse("x"), "x");
  EXPECT_EQ(client.receive_to_end(), "");
  EXPECT_GE(sleeps.set, 2) << "it did not fail";
  EXPECT_GE(sleeps.bounded, 1);
}

// nonblocking rests between its rounds, and never for long.
INSTANTIATE_TEST_SUITE_P(Every_model, SleepTimer,
                         testing::ValuesIn(inside::loop_models_but(Model::nonblocking)),
                         unit::model_name);

}  // namespace
}  // namespace weir
