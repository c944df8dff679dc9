#include "os/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {

void Waker::end_sleep() noexcept {
  const int fd = fd_.load(std::memory_order_seq_cst);
  if (fd < 0) return;
  const int saved = errno;  // We may be inside a signal handler.
  const std::uint64_t one = 1;
  // Of its other errors EAGAIN says that it is readable already, which is what was wanted.
  while (system_call(CallKind::write, ::write, fd, &one, sizeof one) < 0 && errno == EINTR) {}
  errno = saved;
}

int Waker::fd() noexcept {
  if (!owned_) {
    ++base::counters.calls_other;
    owned_ = Fd(system_call(CallKind::eventfd, ::eventfd, 0U, EFD_CLOEXEC | EFD_NONBLOCK));
    fd_.store(owned_.get(), std::memory_order_seq_cst);
  }
  return owned_.get();
}

void Waker::rearm() noexcept {
  if (!owned_) return;
  ++base::counters.calls_other;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got =
      system_call(CallKind::read, ::read, owned_.get(), &count, sizeof count);
}

}  // namespace weir::os
