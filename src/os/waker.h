// waker.h - waking a thread that waits for I/O, from any thread or signal handler.
#pragma once

#include <atomic>

#include "os/fd.h"

namespace weir::os {

/// An eventfd(2) and a flag. The flag is what counts; the descriptor only ends a sleep.
class Waker {
 public:
  Waker() = default;

  /// From any thread, and from a signal handler. Not lost when it comes before the wait.
  void wake() noexcept;

  /// The waiting thread: whether somebody called wake() since the last take().
  bool take() noexcept {
    // Nearly always false: a plain load, no read-modify-write on the hot path.
    return woken_.load(std::memory_order_relaxed) && clear();
  }
  bool woken() const noexcept { return woken_.load(std::memory_order_acquire); }

  /// The descriptor to wait on, readable once woken. Made when first asked for, so that a
  /// thread that never sleeps on it costs no descriptor; -1 if none could be had, which makes
  /// wakes late, not lost. The waiting thread only; it must check woken() after the first call.
  int fd() noexcept;

 private:
  bool clear() noexcept;

  std::atomic<bool> woken_{false};
  std::atomic<int> fd_{-1};
  Fd owned_;
};

}  // namespace weir::os
