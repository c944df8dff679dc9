// epoll_lt.cpp - epoll(7), level-triggered: a kernel that remembers whom we wait for.
//
// Recipe: `recipe` below.
//
// In the steady state of an echo nothing changes between two sleeps, so steps 2 and 5 cost no
// system call: a connection is registered once.
#include "engine/epoll_poller.h"
#include "engine/readiness.h"
#include "model/model.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Try the system call at once.", "engine/readiness", "accept4 recv send sendmsg"},
    {"On EAGAIN park the operation and ask to be told.", "watch()", "epoll_ctl+ epoll_create1"},
    {"Sleep in epoll_wait until someone is ready.", "EpollPoller::wait()", "epoll_wait"},
    {"Retry what was parked there; resume what completed.", "engine/readiness",
     "accept4* recv* send* sendmsg*"},
    {"Before the next sleep, stop asking for what nobody waits for any more: the level keeps "
     "telling.",
     "settle()", "epoll_ctl-"},
};

class LevelPoller final : public EpollPoller {
 public:
  explicit LevelPoller(kernel::Calls& calls) : EpollPoller(calls, 0) {}

  // Interest is exactly what is parked.
  int watch(Socket& socket, std::uint8_t what) noexcept override {
    return set(socket, static_cast<std::uint8_t>(parked(socket) | what));
  }

  void wait(std::int64_t nanoseconds, unsigned vain_attempts) override {
    settle();
    EpollPoller::wait(nanoseconds, vain_attempts);
  }
};

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<ReadinessEngine>(engine_options(plan), *plan.calls, plan.control->waker,
                                           std::make_unique<LevelPoller>(*plan.calls));
}

void run(const Plan& plan) { run_here(plan, make_engine(plan)); }

}  // namespace

const ModelEntry epoll_lt_entry{{Model::epoll_lt, "epoll-lt",
                                 "epoll(7), level-triggered: tells as long as there is something",
                                 "descriptors; Linux only", recipe},
                                always_available,
                                run,
                                make_engine,
                                false};

}  // namespace weir::detail
