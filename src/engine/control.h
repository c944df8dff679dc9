// control.h - how the outside speaks to a running worker.
#pragma once

#include <atomic>
#include <cstdint>

#include "kernel/waker.h"

namespace weir::detail {

/// Outlives its worker. Every function may be called from any thread or signal handler.
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

  kernel::Waker& waker;

 private:
  std::atomic<std::int64_t> drain_{-1};
};

}  // namespace weir::detail
