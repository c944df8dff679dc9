// epoll_poller.h - what the two epoll models share: the object, the table, the waiting.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "engine/poller.h"
#include "kernel/calls.h"

namespace weir::detail {

class EpollPoller : public Poller {
 public:
  void forget(Socket& socket) noexcept override;
  void wait(std::int64_t nanoseconds, unsigned vain_attempts) override;

 protected:
  /// What to ask the kernel for, for these interest bits, beside the bits themselves.
  EpollPoller(kernel::Calls& calls, std::uint32_t always)
      : epoll_(calls.make_epoll()), always_(always) {
    make_room(events_.size());
  }

  /// Registers the socket, or changes its registration, to exactly `what`. 0 or -errno.
  int set(Socket& socket, std::uint8_t what) noexcept;
  /// Before sleeping: the sockets of the last report whose interest is no longer what is parked.
  void settle() noexcept;

 private:
  static std::uint8_t meaning(std::uint32_t happened) noexcept;

  std::unique_ptr<kernel::Epoll> epoll_;
  SocketTable table_;
  const std::uint32_t always_;
  std::array<kernel::Epoll::Event, 512> events_;
  std::size_t reported_ = 0;  // Of the last wait; still in events_.
};

}  // namespace weir::detail
