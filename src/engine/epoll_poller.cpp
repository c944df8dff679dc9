#include "engine/epoll_poller.h"

#include <cerrno>
#include <new>

namespace weir::detail {
namespace {

using namespace kernel::event;

std::uint64_t pack(int fd, std::uint32_t generation) noexcept {
  return static_cast<std::uint32_t>(fd) | (std::uint64_t{generation} << 32);
}
std::uint32_t fd_of(std::uint64_t data) noexcept { return static_cast<std::uint32_t>(data); }
std::uint32_t generation_of(std::uint64_t data) noexcept {
  return static_cast<std::uint32_t>(data >> 32);
}

}  // namespace

int EpollPoller::set(Socket& socket, std::uint8_t what) noexcept {
  std::uint32_t wanted = always_;
  if (what & interest::receive) wanted |= readable;
  if (what & interest::send) wanted |= writable;
  int error = 0;
  if (socket.watched == 0) {
    try {
      socket.slot = table_.insert(socket);
    } catch (const std::bad_alloc&) { return -ENOMEM; }
    error = epoll_->add(socket.fd, wanted, pack(socket.fd, socket.slot));
    if (error != 0) table_.erase(socket);
  } else if (what == 0) {
    // A hang-up is reported whatever one asks for, again and again: only leaving ends that.
    epoll_->remove(socket.fd);
    table_.erase(socket);
  } else {
    error = epoll_->modify(socket.fd, wanted, pack(socket.fd, socket.slot));
  }
  if (error == 0) socket.watched = what;
  return error;
}

// Closing the descriptor takes it out of the epoll set, unless the user's code has duplicated it
// or forked: then late reports come under an old generation, and nobody answers to it.
void EpollPoller::forget(Socket& socket) noexcept {
  table_.erase(socket);
  socket.watched = 0;
}

void EpollPoller::settle() noexcept {
  for (std::size_t i = 0; i < reported_; ++i) {
    Socket* socket = table_.find(fd_of(events_[i].data), generation_of(events_[i].data));
    if (socket == nullptr || socket->watched == 0) continue;
    if (const std::uint8_t now = parked(*socket); now != socket->watched) set(*socket, now);
  }
}

// A socket that failed or was closed on both sides is ready for everything: the calls will say.
// A half-close or urgent data beside the bytes: a short read may stop before them.
inline std::uint8_t EpollPoller::meaning(std::uint32_t happened) noexcept {
  static_assert(readable == interest::receive && writable == interest::send << 1);
  if ((happened & ~(readable | writable)) == 0) [[likely]] {
    return static_cast<std::uint8_t>((happened & readable) | (happened & writable) >> 1);
  }
  std::uint8_t what = 0;
  if (happened & (readable | peer_done | error | hung_up | urgent)) what |= interest::receive;
  if (happened & (writable | error | hung_up)) what |= interest::send;
  if (happened & (peer_done | error | hung_up | urgent)) what |= interest::mislead;
  return what;
}

void EpollPoller::wait(std::int64_t nanoseconds, unsigned /*idle_turns*/) {
  begin_report();
  before_wait();
  reported_ = epoll_->wait(nanoseconds, events_);
  for (std::size_t i = 0; i < reported_; ++i) {
    const std::uint64_t data = events_[i].data;
    if (Socket* socket = table_.find(fd_of(data), generation_of(data))) {
      tell(*socket, meaning(events_[i].what));
    }
  }
}

}  // namespace weir::detail
