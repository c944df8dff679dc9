// select.cpp - select(2): one bit a descriptor, in sets of fixed size; runs everywhere.
//
// Recipe (the lecture notes' steps 5 to 7): `recipe` below.
//
// A descriptor of FD_SETSIZE (1,024) or more does not fit a set, and FD_SET would write outside
// it: such a connection waits until one below has closed, and accepting with it (accepts()).
#include <algorithm>
#include <cerrno>

#include "engine/readiness.h"
#include "model/model.h"
#include "os/select.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Try the system call at once.", "engine/readiness", "accept4 recv send sendmsg"},
    {"On EAGAIN park the operation; put its descriptor into the set it waits for: reading, or, "
     "only while the outbox holds bytes, writing.",
     "watch()", ""},
    {"Sleep in select over both sets.", "wait()", "select"},
    {"Go over all descriptors: who is in the answer?", "wait()", ""},
    {"Retry what was parked there; resume what completed.", "engine/readiness",
     "accept4* recv* send* sendmsg*"},
};

class SelectPoller final : public Poller {
 public:
  SelectPoller() : sockets_(static_cast<std::size_t>(os::select_limit()), nullptr) {
    make_room(sockets_.size());
    reported_.reserve(sockets_.size());
  }

  bool accepts(int fd) const noexcept override { return fd < os::select_limit(); }

  int watch(Socket& socket, std::uint8_t what) noexcept override {
    if (!accepts(socket.fd)) return -EMFILE;
    sockets_[static_cast<std::size_t>(socket.fd)] = &socket;
    end_ = std::max(end_, socket.fd + 1);
    set(socket, static_cast<std::uint8_t>(parked(socket) | what));
    return 0;
  }

  void forget(Socket& socket) noexcept override {
    set(socket, 0);
    sockets_[static_cast<std::size_t>(socket.fd)] = nullptr;
    while (end_ > 0 && sockets_[static_cast<std::size_t>(end_ - 1)] == nullptr) --end_;
  }

  void wait(std::int64_t nanoseconds, unsigned /*vain_attempts*/) override {
    begin_report();
    settle();
    reported_.clear();
    if (!sets_.wait(end_, nanoseconds)) return;
    sets_.for_each_ready(end_, [this](int fd, bool readable, bool writable) {
      const int what = (readable ? interest::receive : 0) | (writable ? interest::send : 0);
      tell(*sockets_[static_cast<std::size_t>(fd)], static_cast<std::uint8_t>(what));
      reported_.push_back(fd);
    });
  }

 private:
  void set(Socket& socket, std::uint8_t what) noexcept {
    sets_.want_readable(socket.fd, (what & interest::receive) != 0);
    sets_.want_writable(socket.fd, (what & interest::send) != 0);
    socket.watched = what;
  }

  // Interest is exactly what is parked: whoever was told and does not wait any more is taken out.
  void settle() noexcept {
    for (const int fd : reported_) {
      Socket* socket = sockets_[static_cast<std::size_t>(fd)];
      if (socket != nullptr && socket->watched != parked(*socket)) set(*socket, parked(*socket));
    }
  }

  os::SelectSets sets_;
  std::vector<Socket*> sockets_;  // By descriptor.
  int end_ = 0;                   // One more than the largest descriptor in use.
  std::vector<int> reported_;
};

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<ReadinessEngine>(engine_options(plan), *plan.calls, plan.control->waker,
                                           std::make_unique<SelectPoller>());
}

void run(const Plan& plan) { run_here(plan, make_engine(plan)); }

}  // namespace

const ModelEntry select_entry{
    {Model::select, "select", "select(2): asks about everybody with one call, on every system",
     "descriptors below 1,024 (FD_SETSIZE); further clients wait in the backlog", recipe},
    always_available,
    run,
    make_engine,
    false,
    os::select_limit};

}  // namespace weir::detail
