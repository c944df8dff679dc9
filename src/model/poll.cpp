// poll.cpp - poll(2): the list of everybody, handed to the kernel again for each wait.
//
// Recipe: `recipe` below.
//
// No limit but the descriptors; the price of a wait grows with the number of connections, ready
// or not.
#include <cerrno>
#include <new>

#include "engine/readiness.h"
#include "model/model.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Try the system call at once.", "engine/readiness", "accept4 recv send sendmsg"},
    {"On EAGAIN park the operation; enter its descriptor.", "watch()", ""},
    {"Sleep in poll over the whole list.", "wait()", "poll"},
    {"Go over the whole list: who is ready?", "wait()", ""},
    {"Retry what was parked there; resume what completed.", "engine/readiness",
     "accept4* recv* send* sendmsg*"},
};

class PollPoller final : public Poller {
 public:
  explicit PollPoller(kernel::Calls& calls) noexcept : calls_(calls) {}

  int watch(Socket& socket, std::uint8_t what) noexcept override {
    if (socket.watched == 0) {
      socket.slot = static_cast<std::uint32_t>(sockets_.size());
      try {
        make_room(sockets_.size() + 1);
        sockets_.push_back(&socket);
        entries_.resize(sockets_.size());
        // All of them may be reported, and then nothing may fail.
        if (reported_.capacity() < sockets_.size()) reported_.reserve(2 * sockets_.size());
      } catch (const std::bad_alloc&) {
        sockets_.resize(socket.slot);
        entries_.resize(socket.slot);
        return -ENOMEM;
      }
      entries_[socket.slot].fd = socket.fd;
    }
    socket.watched = static_cast<std::uint8_t>(parked(socket) | what);
    entries_[socket.slot].wanted = bits(socket.watched);
    return 0;
  }

  // The list stays dense: the last one moves into the gap.
  void forget(Socket& socket) noexcept override {
    const std::uint32_t gap = socket.slot;
    entries_[gap] = entries_.back();
    sockets_[gap] = sockets_.back();
    sockets_[gap]->slot = gap;
    entries_.pop_back();
    sockets_.pop_back();
    socket.watched = 0;
  }

  void wait(std::int64_t nanoseconds, unsigned /*vain_attempts*/) override {
    begin_report();
    settle();
    reported_.clear();
    std::size_t left = calls_.poll(entries_.data(), entries_.size(), nanoseconds);
    for (std::size_t i = 0; left > 0; ++i) {
      if (entries_[i].happened == 0) continue;
      --left;
      tell(*sockets_[i], meaning(entries_[i].happened));
      reported_.push_back(static_cast<std::uint32_t>(i));
    }
  }

 private:
  static std::int16_t bits(std::uint8_t what) noexcept {
    return static_cast<std::int16_t>(((what & interest::receive) ? kernel::poll_readable : 0) |
                                     ((what & interest::send) ? kernel::poll_writable : 0));
  }
  static std::uint8_t meaning(std::int16_t happened) noexcept {
    const bool failed = (happened & kernel::poll_failed) != 0;
    return static_cast<std::uint8_t>(
        ((happened & kernel::poll_readable) || failed ? interest::receive : 0) |
        ((happened & kernel::poll_writable) || failed ? interest::send : 0));
  }

  // Interest is exactly what is parked: whoever was told and does not wait any more leaves the
  // list. From the back, so that the moves into the gaps touch no entry still to be looked at;
  // an entry that moved meanwhile is looked at in vain, which does no harm.
  void settle() noexcept {
    for (auto index = reported_.rbegin(); index != reported_.rend(); ++index) {
      if (*index >= sockets_.size()) continue;
      Socket& socket = *sockets_[*index];
      const std::uint8_t now = parked(socket);
      if (now == socket.watched) continue;
      if (now == 0) {
        forget(socket);
      } else {
        socket.watched = now;
        entries_[*index].wanted = bits(now);
      }
    }
  }

  kernel::Calls& calls_;
  std::vector<kernel::PollEntry> entries_;
  std::vector<Socket*> sockets_;         // sockets_[i] is whom entries_[i] is about.
  std::vector<std::uint32_t> reported_;  // Places of the last report.
};

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<ReadinessEngine>(engine_options(plan), *plan.calls, plan.control->waker,
                                           std::make_unique<PollPoller>(*plan.calls));
}

void run(const Plan& plan) { run_here(plan, make_engine(plan)); }

}  // namespace

const ModelEntry poll_entry{
    {Model::poll, "poll", "poll(2): asks about everybody with one call",
     "descriptors; each wait costs as much as there are connections", recipe},
    always_available,
    run,
    make_engine,
    false};

}  // namespace weir::detail
