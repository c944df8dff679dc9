// waker.h - waking a thread that waits for I/O, from any thread or signal handler.
#pragma once

#include <atomic>

namespace weir::kernel {

/// A flag and a descriptor. The flag is what counts; the descriptor only ends a sleep.
class Waker {
 public:
  Waker() = default;
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  virtual ~Waker() = default;

  /// From any thread, and from a signal handler. Not lost when it comes before the wait.
  void wake() noexcept {
    if (!woken_.exchange(true, std::memory_order_seq_cst)) end_sleep();
  }

  /// The waiting thread: whether somebody called wake() since the last take().
  bool take() noexcept {
    // Nearly always false: a plain load, no read-modify-write on the hot path.
    return woken_.load(std::memory_order_relaxed) && clear();
  }
  bool woken() const noexcept { return woken_.load(std::memory_order_acquire); }

  /// The waiting thread, when the descriptor is reported readable: whether somebody called
  /// wake(). If not, it was one whose flag was taken before it wrote: what it wrote is removed,
  /// for it would be reported again and again.
  bool reported() noexcept {
    if (woken()) return true;
    rearm();
    return woken();  // Another's write, if that is gone too, came after its flag.
  }

  /// The descriptor to wait on, readable once woken. Made when first asked for, so that a
  /// thread that never sleeps on it costs no descriptor; -1 if none could be had, which makes
  /// wakes late, not lost. The waiting thread only; it must check woken() after the first call.
  virtual int fd() noexcept = 0;

 private:
  /// Makes the descriptor readable, if there is one.
  virtual void end_sleep() noexcept = 0;
  /// Makes it unreadable again.
  virtual void rearm() noexcept = 0;

  bool clear() noexcept {
    // The descriptor first: a wake between the two lines then leaves the flag set or the
    // descriptor readable, never neither.
    rearm();
    return woken_.exchange(false, std::memory_order_seq_cst);
  }

  std::atomic<bool> woken_{false};
};

}  // namespace weir::kernel
