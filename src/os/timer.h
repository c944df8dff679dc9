// timer.h - a timerfd(2).
#pragma once

#include <cstdint>

#include "kernel/timer.h"
#include "os/fd.h"

namespace weir::os {

/// By the clock of monotonic_clock().
class Timer final : public kernel::Timer {
 public:
  Timer() noexcept;
  bool valid() const noexcept { return static_cast<bool>(fd_); }

  int fd() const noexcept override { return fd_.get(); }
  bool set(std::int64_t nanoseconds) noexcept override;
  /// As set(), with the time that means never.
  void clear() noexcept override { set(0); }

 private:
  Fd fd_;
};

}  // namespace weir::os
