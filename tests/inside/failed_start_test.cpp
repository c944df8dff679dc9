// A start that fails when it has begun, and what a signal finds that comes meanwhile.
#include <signal.h>

#include <cerrno>

#include <gtest/gtest.h>

#include <weir/server.h>

#include "os/tap.h"

namespace weir {
namespace {

/// Lets no second worker process start, and looks who hears of SIGTERM while the first is ended.
class Second_fails final : public os::Tap {
 public:
  bool before(os::Call& call) noexcept override {
    if (call.kind == os::CallKind::fork && ++forks_ == 2) {
      call.result = -EAGAIN;
      return true;
    }
    if (call.kind == os::CallKind::waitpid && forks_ == 2) {
      ++waits;
      struct sigaction action{};
      sigaction(SIGTERM, nullptr, &action);
      if (action.sa_handler != SIG_DFL) ++heard;
    }
    return false;
  }
  void after(os::Call& /*call*/) noexcept override {}

  int waits = 0, heard = 0;

 private:
  int forks_ = 0;
};

// A SIGTERM at that moment walked through a list of workers that was being emptied.
TEST(Failed_start, Lets_no_signal_come_to_workers_that_go) {
  Second_fails tap;
  Options options;
  options.workers = 2;
  options.worker_kind = WorkerKind::process;
  Server server([](Connection&) -> Task<> { co_return; });
  server.options(options).model(Model::poll).listen("127.0.0.1:0").handle_signals();
  os::install(&tap);
  EXPECT_THROW(server.start(), StartError);
  os::install(nullptr);
  EXPECT_GT(tap.waits, 0);
  EXPECT_EQ(tap.heard, 0);
}

}  // namespace
}  // namespace weir
