#include "os/waker.h"

#include "os/eventfd.h"

namespace weir::os {

void Waker::end_sleep() noexcept {
  const int fd = fd_.load(std::memory_order_seq_cst);
  if (fd >= 0) tell_eventfd(fd);
}

int Waker::fd() noexcept {
  if (!owned_) {
    owned_ = make_eventfd();
    fd_.store(owned_.get(), std::memory_order_seq_cst);
  }
  return owned_.get();
}

void Waker::rearm() noexcept {
  if (owned_) clear_eventfd(owned_.get());
}

}  // namespace weir::os
