#include "engine/epoll_poller.h"

#include <cerrno>
#include <new>

namespace weir::detail {
namespace {

using namespace kernel::event;

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
    error = epoll_->add(socket.fd, wanted, SocketTable::name(socket.fd, socket.slot));
    if (error != 0) table_.erase(socket);
  } else if (what == 0) {
    // A hang-up is reported whatever one asks for, again and again: only leaving ends that.
    epoll_->remove(socket.fd);
    table_.erase(socket);
  } else {
    error = epoll_->modify(socket.fd, wanted, SocketTable::name(socket.fd, socket.slot));
  }
  if (error == 0) socket.watched = what;
  return error;
}

// Closing the descriptor takes it out of the epoll set, unless the user's code has duplicated it
// or forked: then late reports come under an old generation, and nobody answers to it. A listener
// always has duplicates, and the level would report for ever who waits there for others.
void EpollPoller::forget(Socket& socket) noexcept {
  if (socket.is_listener) epoll_->remove(socket.fd);
  table_.erase(socket);
  socket.watched = 0;
}

void EpollPoller::settle() noexcept {
  for (std::size_t i = 0; i < reported_; ++i) {
    Socket* socket = table_.find(events_[i].data);
    if (socket == nullptr || socket->watched == 0) continue;
    if (const std::uint8_t now = parked(*socket); now != socket->watched) set(*socket, now);
  }
}

// A socket that failed or was closed on both sides is ready for everything: the calls will say.
// A half-close or urgent data beside the bytes: a short read may stop before them.
inline std::uint8_t EpollPoller::meaning(std::uint32_t happened) noexcept {
  std::uint8_t what = 0;
  if (happened & (readable | peer_done | error | hung_up | urgent)) what |= interest::receive;
  if (happened & (writable | error | hung_up)) what |= interest::send;
  if (happened & (peer_done | error | hung_up | urgent)) what |= interest::mislead;
  return what;
}

void EpollPoller::wait(std::int64_t nanoseconds, unsigned /*vain_attempts*/) {
  begin_report();
  reported_ = epoll_->wait(nanoseconds, events_);
  for (const kernel::Epoll::Event& event : std::span(events_).first(reported_)) {
    Socket* socket = table_.find(event.data);
    if (socket == nullptr) continue;
    if ((event.what & ~(readable | writable)) != 0) [[unlikely]] {
      tell(*socket, meaning(event.what));
      continue;
    }
    if ((event.what & readable) != 0) tell_readable(*socket);
    if ((event.what & writable) != 0) tell_writable(*socket);
  }
}

}  // namespace weir::detail
