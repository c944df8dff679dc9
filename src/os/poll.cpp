#include "os/poll.h"

#include <poll.h>

#include <algorithm>

#include "base/counters.h"
#include "os/direct.h"
#include "os/tap.h"

namespace weir::os {

static_assert(sizeof(PollEntry) == sizeof(pollfd));
static_assert(offsetof(PollEntry, wanted) == offsetof(pollfd, events));
static_assert(offsetof(PollEntry, happened) == offsetof(pollfd, revents));
static_assert(poll_readable == POLLIN && poll_writable == POLLOUT);
static_assert(poll_failed == (POLLERR | POLLHUP | POLLNVAL));

namespace {

#ifdef SYS_poll
int direct_poll(pollfd* entries, nfds_t count, int timeout_ms) noexcept {
  return static_cast<int>(
      kernel_call(SYS_poll, word_of(entries), static_cast<long>(count), timeout_ms, 0));
}
constexpr auto* poll_call = direct_calls ? direct_poll : ::poll;
#else  // Newer architectures have ppoll(2) only.
constexpr auto* poll_call = ::poll;
#endif

}  // namespace

std::size_t poll(PollEntry* entries, std::size_t count, std::int64_t nanoseconds) noexcept {
  ++base::counters.calls_wait;
  constexpr std::int64_t millisecond = 1'000'000;
  const std::int64_t timeout_ms =
      nanoseconds < 0
          ? -1
          : std::min<std::int64_t>((nanoseconds + millisecond - 1) / millisecond, 1 << 30);
  const int ready = system_call(CallKind::poll, poll_call, reinterpret_cast<pollfd*>(entries),
                                count, static_cast<int>(timeout_ms));
  if (ready <= 0) {
    // After EINTR the kernel leaves `revents` as they were.
    if (ready < 0) std::for_each_n(entries, count, [](PollEntry& entry) { entry.happened = 0; });
    return 0;
  }
  return static_cast<std::size_t>(ready);
}

}  // namespace weir::os
