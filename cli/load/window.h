// window.h - when a load begins, is measured and ends; what the workers of a load share.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::cli {

/// Moments are in nanoseconds of the workers' clock. `begin` is set before anything is sent.
struct Window {
  std::int64_t begin = 0;            ///< from here on it counts
  std::atomic<std::int64_t> end{0};  ///< from here on nothing is sent; may be drawn nearer

  bool counts(std::int64_t moment) const noexcept {
    return moment >= begin && moment < end.load(std::memory_order_relaxed);
  }
};

}  // namespace weir::cli
