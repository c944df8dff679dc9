// epoll.h - what an epoll(7) object does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::kernel {

/// The conditions of epoll_ctl(2), in its own bits.
namespace event {
constexpr std::uint32_t readable = 0x001;      // EPOLLIN
constexpr std::uint32_t urgent = 0x002;        // EPOLLPRI
constexpr std::uint32_t writable = 0x004;      // EPOLLOUT
constexpr std::uint32_t error = 0x008;         // EPOLLERR
constexpr std::uint32_t hung_up = 0x010;       // EPOLLHUP
constexpr std::uint32_t peer_done = 0x2000;    // EPOLLRDHUP
constexpr std::uint32_t exclusive = 1u << 28;  // EPOLLEXCLUSIVE
constexpr std::uint32_t edge = 1u << 31;       // EPOLLET
}  // namespace event

class Epoll {
 public:
  struct [[gnu::packed]] Event {  // epoll_event, whose layout is fixed by the system.
    std::uint32_t what;
    std::uint64_t data;
  };

  virtual ~Epoll() = default;

  /// 0 or -errno.
  virtual int add(int fd, std::uint32_t what, std::uint64_t data) noexcept = 0;
  virtual int modify(int fd, std::uint32_t what, std::uint64_t data) noexcept = 0;
  virtual int remove(int fd) noexcept = 0;

  /// Waits up to `nanoseconds` (negative: for ever), rounded up to a millisecond. Returns how
  /// many of `events` were filled; 0 after EINTR.
  virtual std::size_t wait(std::int64_t nanoseconds, std::span<Event> events) noexcept = 0;
};

}  // namespace weir::kernel
