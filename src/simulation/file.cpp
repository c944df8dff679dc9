#include "simulation/file.h"

#include "kernel/epoll.h"

namespace weir::simulated {

using namespace kernel::event;

std::uint32_t EventFile::state() const noexcept { return signalled ? readable : 0; }

std::uint32_t Listener::state() const noexcept { return waiting.empty() ? 0 : readable; }

std::uint32_t Stream::state() const noexcept {
  if (phase == State::connecting) return 0;
  if (phase == State::fresh) return writable | hung_up;
  std::uint32_t what = 0;
  if (broken || phase == State::failed) what |= readable | writable | hung_up | peer_done;
  if (this->error != 0) what |= kernel::event::error;
  if (phase == State::failed) return what;
  if (in->unread() > 0) what |= readable;
  if (fin_arrived) what |= readable | peer_done;
  if (fin_arrived && fin_sent) what |= hung_up;
  // As tcp(7) does: room for a third, once the sender was told that there is none.
  if (out->room() > 0 && (!out->full || out->room() >= out->capacity / 3)) {
    what |= writable;
  } else {
    out->full = true;  // Whoever looks is told of room from now on, as tcp_poll() does it.
  }
  return what;
}

}  // namespace weir::simulated
