// nonblocking.cpp - one loop asks every client in turn: no multiplexer at all.
//
// Recipe (the lecture notes' "single process, non-blocking"): `recipe` below.
//
// It costs a system call a client and scan, ready or not. That is the lesson.
#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>
#include <vector>

#include "engine/readiness.h"
#include "model/model.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Make the listener and every accepted socket non-blocking.", "os::accept", "accept4="},
    {"Keep them in a list.", "watch()", ""},
    {"Go over the list: for each try what it waits for.", "wait(), engine/readiness",
     "accept4 recv send sendmsg"},
    {"When the data is empty, close it and take it off the list.", "forget()", "shutdown close"},
    {"When whole scans find nobody ready, rest, longer each time, up to a millisecond; in a long "
     "silence up to sixteen.",
     "rest()", "nanosleep"},
};

class ScanPoller final : public Poller {
 public:
  ScanPoller(kernel::Calls& calls, bool spin) noexcept : calls_(calls), spin_(spin) {}

  bool is_told() const noexcept override { return false; }

  int watch(Socket& socket, std::uint8_t what) noexcept override {
    if (socket.watched == 0) {
      try {
        make_room(sockets_.size() + 1);
        sockets_.push_back(&socket);
      } catch (const std::bad_alloc&) { return -ENOMEM; }
      socket.slot = static_cast<std::uint32_t>(sockets_.size() - 1);
    }
    socket.watched = static_cast<std::uint8_t>(socket.watched | what);
    return 0;
  }

  void forget(Socket& socket) noexcept override {
    sockets_[socket.slot] = sockets_.back();
    sockets_[socket.slot]->slot = socket.slot;
    sockets_.pop_back();
    socket.watched = 0;
  }

  // Everybody who waits is worth asking. A part of the list at a time: whoever is listed is asked
  // while what was read of it here is still in the cache.
  void wait(std::int64_t nanoseconds, unsigned vain_attempts) override {
    if (next_ >= sockets_.size()) {
      const unsigned scans = vain_attempts / std::max(std::exchange(asked_, 0u), 1u);
      if (scans < std::exchange(scans_, scans)) silence_ = 0;
      if (nanoseconds != 0 && scans > 0 && !spin_) rest(nanoseconds, scans);
      next_ = 0;
    }
    begin_report();
    const std::size_t end = std::min(next_ + part, sockets_.size());
    for (; next_ < end; ++next_) {
      Socket& socket = *sockets_[next_];
      if (const std::uint8_t waits = parked(socket)) tell(socket, waits);
    }
    asked_ += static_cast<unsigned>(ready_count());
  }

 private:
  static constexpr std::size_t part = 128;

  // `scans`: how many in a row found nobody. Whoever breaks a silence waits for a small part of it
  // at most; while somebody talks four times a second, nobody waits for more than a millisecond.
  void rest(std::int64_t nanoseconds, unsigned scans) noexcept {
    constexpr std::int64_t shortest = 1'000, longest = 1'000'000, longest_in_silence = 16'000'000;
    const std::int64_t most = std::clamp(silence_ / 256, longest, longest_in_silence);
    std::int64_t length = std::min(most, shortest << std::min(scans / 4, 14u));
    if (nanoseconds >= 0) length = std::min(length, nanoseconds);
    silence_ += length;
    calls_.rest(length);
  }

  kernel::Calls& calls_;
  const bool spin_;
  unsigned asked_ = 0;        // By this scan.
  unsigned scans_ = 0;        // How many in a row had found nobody before it.
  std::size_t next_ = 0;      // Where it goes on.
  std::int64_t silence_ = 0;  // How long was rested since somebody was found.
  std::vector<Socket*> sockets_;
};

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<ReadinessEngine>(
      engine_options(plan), *plan.calls, plan.control->waker,
      std::make_unique<ScanPoller>(*plan.calls, plan.options.spin));
}

void run(const Plan& plan) { run_here(plan, make_engine(plan)); }

}  // namespace

const ModelEntry nonblocking_entry{
    {Model::nonblocking, "nonblocking", "one loop asks every client in turn, no multiplexer",
     "a system call a client and round, whether it is ready or not", recipe},
    always_available,
    run,
    make_engine,
    false};

}  // namespace weir::detail
