// running.h - what a worker runs now, for those who watch it from another thread.
//
// The worker stores whose handler it resumes, one store a resume and one a turn, and reads no
// clock. Who watches marks what is stored; a mark that is still there later says that the worker
// has not come on since.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

#include "engine/socket.h"

namespace weir::detail {

class Running {
 public:
  // --- the worker ------------------------------------------------------------------------

  /// Code runs on behalf of this connection; nullptr: of one that is not known.
  void begin(const Socket* socket) noexcept {
    now_.store(reinterpret_cast<std::uintptr_t>(socket), std::memory_order_release);
  }
  /// No handler runs, and may not for long.
  void rest() noexcept { now_.store(resting, std::memory_order_release); }
  /// The socket will be closed and go away. What runs goes on.
  void forget(const Socket& socket) noexcept {
    const std::lock_guard lock(mutex_);
    const std::uintptr_t now = now_.load(std::memory_order_relaxed);
    if ((now & ~mark) == reinterpret_cast<std::uintptr_t>(&socket)) begin(nullptr);
  }

  // --- who watches, from one thread --------------------------------------------------------

  /// True: what was marked by the last call runs still. Else marks what runs now, if anything.
  bool still_runs() noexcept {
    std::uintptr_t now = now_.load(std::memory_order_acquire);
    if (now == resting) return false;
    if ((now & mark) != 0) return true;
    now_.compare_exchange_strong(now, now | mark, std::memory_order_acq_rel);
    return false;
  }
  /// Calls `look(socket)` with the connection that is marked, which stays meanwhile; with nullptr
  /// when it is not known. False: it has come on.
  template <class Look>
  bool look_at_marked(Look look) {
    const std::lock_guard lock(mutex_);
    const std::uintptr_t now = now_.load(std::memory_order_acquire);
    if (now == resting || (now & mark) == 0) return false;
    look(reinterpret_cast<const Socket*>(now & ~mark));
    return true;
  }

 private:
  // Sockets are aligned, so their addresses have room for both.
  static constexpr std::uintptr_t mark = 1, resting = 2;

  std::atomic<std::uintptr_t> now_{resting};
  std::mutex mutex_;  // Held while a connection is looked at, and while one goes away.
};

}  // namespace weir::detail
