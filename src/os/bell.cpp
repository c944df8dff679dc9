#include "os/bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {

Bell::Bell() : fd_(system_call(CallKind::eventfd, ::eventfd, 0U, EFD_CLOEXEC | EFD_NONBLOCK)) {
  ++base::counters.calls_other;
  if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Bell::ring() const noexcept {
  const int saved = errno;  // We may be inside a signal handler.
  const std::uint64_t one = 1;
  // Of its other errors EAGAIN says that it is readable already, which is what was wanted.
  while (system_call(CallKind::write, ::write, fd_.get(), &one, sizeof one) < 0 &&
         errno == EINTR) {}
  errno = saved;
}

void Bell::clear() const noexcept {
  ++base::counters.calls_other;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got =
      system_call(CallKind::read, ::read, fd_.get(), &count, sizeof count);
}

}  // namespace weir::os
