// epoll_et.cpp - epoll(7), edge-triggered: tells once when something comes.
//
// Recipe: `recipe` below.
//
// Nobody tells twice, so nothing may be forgotten: a connection that used up its fairness budget
// goes to the end of the queue and goes on from there, and a short read ends the reading only
// where it proves that nothing is left (engine/readiness.cpp says when).
#include "engine/epoll_poller.h"
#include "engine/readiness.h"
#include "model/model.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Register each connection once, for both directions.", "watch()", "epoll_ctl epoll_create1"},
    {"Try the system call as long as there may be something.", "engine/readiness",
     "accept4 recv send sendmsg"},
    {"On EAGAIN park the operation; nothing is asked of epoll.", "engine/readiness", ""},
    {"Sleep in epoll_wait until someone's state changes.", "EpollPoller::wait()", "epoll_wait"},
    {"Retry what was parked there; remember the edge for those who were not waiting.",
     "engine/readiness", "accept4* recv* send* sendmsg*"},
};

using namespace kernel::event;

class EdgePoller final : public EpollPoller {
 public:
  explicit EdgePoller(kernel::Calls& calls) : EpollPoller(calls, edge | peer_done | urgent) {}

  int watch(Socket& socket, std::uint8_t what) noexcept override {
    // Only TCP shows in its events whatever may cut a read short.
    if (!socket.is_tcp) socket.short_reads_mislead = true;
    return set(socket, static_cast<std::uint8_t>(what | interest::receive | interest::send));
  }
};

// The notes' recipe (Options::send_when_writable): the registration is changed to writable when
// something is queued and back when the queue is empty. Each change tells anew what is ready.
class LiteralEdgePoller final : public EpollPoller {
 public:
  explicit LiteralEdgePoller(kernel::Calls& calls)
      : EpollPoller(calls, edge | peer_done | urgent) {}

  int watch(Socket& socket, std::uint8_t what) noexcept override {
    if (!socket.is_tcp) socket.short_reads_mislead = true;
    return set(socket, static_cast<std::uint8_t>(parked(socket) | what));
  }

  void wait(std::int64_t nanoseconds, unsigned vain_attempts) override {
    settle();
    EpollPoller::wait(nanoseconds, vain_attempts);
  }
};

std::unique_ptr<Poller> make_poller(const Plan& plan) {
  if (plan.options.send_when_writable) return std::make_unique<LiteralEdgePoller>(*plan.calls);
  return std::make_unique<EdgePoller>(*plan.calls);
}

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<ReadinessEngine>(engine_options(plan), *plan.calls, plan.control->waker,
                                           make_poller(plan));
}

void run(const Plan& plan) { run_here(plan, make_engine(plan)); }

}  // namespace

const ModelEntry epoll_et_entry{
    {Model::epoll_et, "epoll-et", "epoll(7), edge-triggered: tells once, registered once",
     "descriptors; Linux only", recipe},
    always_available,
    run,
    make_engine,
    false};

}  // namespace weir::detail
