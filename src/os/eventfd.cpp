#include "os/eventfd.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {

Fd make_eventfd() noexcept {
  ++base::counters.calls_other;
  return Fd(system_call(CallKind::eventfd, ::eventfd, 0U, EFD_CLOEXEC | EFD_NONBLOCK));
}

void tell_eventfd(int fd) noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  // Of its other errors EAGAIN says that it is readable already, which is what was wanted.
  while (system_call(CallKind::write, ::write, fd, &one, sizeof one) < 0 && errno == EINTR) {}
  errno = saved;
}

void clear_eventfd(int fd) noexcept {
  ++base::counters.calls_other;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = system_call(CallKind::read, ::read, fd, &count, sizeof count);
}

}  // namespace weir::os
