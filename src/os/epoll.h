// epoll.h - an epoll(7) object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/epoll.h"
#include "os/fd.h"

namespace weir::os {

namespace event = kernel::event;

class Epoll final : public kernel::Epoll {
 public:
  /// Throws std::system_error when the kernel has none to give.
  Epoll();

  int add(int fd, std::uint32_t what, std::uint64_t data) noexcept override;
  int modify(int fd, std::uint32_t what, std::uint64_t data) noexcept override;
  int remove(int fd) noexcept override;
  std::size_t wait(std::int64_t nanoseconds, std::span<Event> events) noexcept override;

 private:
  Fd fd_;
  std::int64_t bound_ = -1;  // Of the last wait,
  int bound_ms_ = -1;        // and as epoll_wait(2) takes it.
};

}  // namespace weir::os
