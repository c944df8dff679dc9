// control.h - how the outside speaks to a running worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "engine/running.h"
#include "kernel/waker.h"

namespace weir::detail {

/// Outlives its worker. A stop may be requested from any thread or signal handler, and running
/// be looked at from any thread.
class Control {
 public:
  /// The waker is the worker's: it ends its sleep.
  explicit Control(kernel::Waker& of_worker) noexcept : waker(of_worker) {}

  /// Asks the worker to stop: sessions get `drain` nanoseconds to end by themselves. A second
  /// request with a shorter time counts.
  void request_stop(std::int64_t drain) noexcept {
    std::int64_t current = drain_.load();
    while ((current < 0 || drain < current) && !drain_.compare_exchange_weak(current, drain)) {}
    waker.wake();
  }
  /// Negative: nobody has asked.
  std::int64_t stop_drain() const noexcept { return drain_.load(); }

  /// Lets others look at what the worker runs, while it lives.
  class Shown {
   public:
    Shown(Control& control, Running& running) noexcept : control_(control) {
      control_.show(&running);
    }
    ~Shown() { control_.show(nullptr); }
    Shown(const Shown&) = delete;
    Shown& operator=(const Shown&) = delete;

   private:
    Control& control_;
  };
  /// Calls `look(running)`, unless the worker has not begun or has ended.
  template <class Look>
  void look_at_running(Look look) {
    const std::lock_guard lock(mutex_);
    if (running_ != nullptr) look(*running_);
  }

  kernel::Waker& waker;

 private:
  void show(Running* running) noexcept {
    const std::lock_guard lock(mutex_);
    running_ = running;
  }

  std::atomic<std::int64_t> drain_{-1};
  std::mutex mutex_;
  Running* running_ = nullptr;
};

}  // namespace weir::detail
