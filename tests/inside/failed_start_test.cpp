// A start that fails when it has begun, and what a signal finds that comes meanwhile.
#include <signal.h>

#include <cerrno>
#include <string>

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

class No_epoll final : public os::Tap {
 public:
  bool before(os::Call& call) noexcept override {
    if (call.kind != os::CallKind::epoll_create1) return false;
    call.result = -EMFILE;
    return true;
  }
  void after(os::Call& /*call*/) noexcept override {}
};

// It starts in wait(), so it was taken for a worker that had failed: exit code 1, and no word.
TEST(Failed_start, Of_a_lone_worker_is_told_and_has_exit_code_2) {
  No_epoll tap;
  Server server([](Connection&) -> Task<> { co_return; });
  server.model(Model::epoll_et).listen("127.0.0.1:0");
  testing::internal::CaptureStderr();
  os::install(&tap);
  const int code = server.run();
  os::install(nullptr);
  EXPECT_EQ(code, 2);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(said.find("weir: cannot start: "), 0u) << said;
}

}  // namespace
}  // namespace weir
