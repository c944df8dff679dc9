// waker.h - an eventfd(2) that wakes a thread.
#pragma once

#include <atomic>

#include "kernel/waker.h"
#include "os/fd.h"

namespace weir::os {

class Waker final : public kernel::Waker {
 public:
  int fd() noexcept override;

 private:
  void end_sleep() noexcept override;
  void rearm() noexcept override;

  std::atomic<int> fd_{-1};
  Fd owned_;
};

}  // namespace weir::os
