#include "os/epoll.h"

#include <sys/epoll.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "base/counters.h"
#include "os/direct.h"
#include "os/tap.h"

namespace weir::os {
namespace {

static_assert(sizeof(Epoll::Event) == sizeof(epoll_event));
static_assert(offsetof(Epoll::Event, data) == offsetof(epoll_event, data));
static_assert(event::readable == EPOLLIN && event::urgent == EPOLLPRI);
static_assert(event::writable == EPOLLOUT && event::error == EPOLLERR);
static_assert(event::hung_up == EPOLLHUP && event::peer_done == EPOLLRDHUP);
static_assert(event::exclusive == EPOLLEXCLUSIVE && event::edge == EPOLLET);

// Rounded up: a wait that ends before its time would be followed by another.
int to_milliseconds(std::int64_t nanoseconds) noexcept {
  constexpr std::int64_t millisecond = 1'000'000;
  if (nanoseconds < 0) return -1;
  if (nanoseconds > (std::int64_t{1} << 30) * millisecond) return 1 << 30;
  return static_cast<int>((nanoseconds + millisecond - 1) / millisecond);
}

int control(int epoll, int operation, int fd, std::uint32_t what, std::uint64_t data) noexcept {
  ++base::counters.calls_control;
  epoll_event event{};
  event.events = what;
  event.data.u64 = data;
  return system_call(CallKind::epoll_ctl, ::epoll_ctl, epoll, operation, fd, &event) == 0
             ? 0
             : -errno;
}

}  // namespace

Epoll::Epoll() : fd_(system_call(CallKind::epoll_create1, ::epoll_create1, EPOLL_CLOEXEC)) {
  ++base::counters.calls_other;
  if (!fd_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

int Epoll::add(int fd, std::uint32_t what, std::uint64_t data) noexcept {
  return control(fd_.get(), EPOLL_CTL_ADD, fd, what, data);
}
int Epoll::modify(int fd, std::uint32_t what, std::uint64_t data) noexcept {
  return control(fd_.get(), EPOLL_CTL_MOD, fd, what, data);
}
int Epoll::remove(int fd) noexcept { return control(fd_.get(), EPOLL_CTL_DEL, fd, 0, 0); }

namespace {

#ifdef SYS_epoll_wait
constexpr long wait_number = SYS_epoll_wait;
#else
constexpr long wait_number = SYS_epoll_pwait;  // Newer architectures have only this one.
#endif

int direct_epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) noexcept {
  return static_cast<int>(kernel_call(wait_number, epoll, word_of(events), count, timeout_ms));
}
constexpr auto* wait_call = direct_calls ? direct_epoll_wait : ::epoll_wait;

}  // namespace

// Most waits have the same bound as the one before: its milliseconds are kept.
std::size_t Epoll::wait(std::int64_t nanoseconds, std::span<Event> events) noexcept {
  ++base::counters.calls_wait;
  if (nanoseconds != bound_) [[unlikely]] {
    bound_ = nanoseconds;
    bound_ms_ = to_milliseconds(nanoseconds);
  }
  const int count = system_call(CallKind::epoll_wait, wait_call, fd_.get(),
                                reinterpret_cast<epoll_event*>(events.data()),
                                static_cast<int>(events.size()), bound_ms_);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace weir::os
