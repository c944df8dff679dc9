#include "engine/engine.h"

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "base/counters.h"

namespace weir::detail {

Engine::Engine(const EngineOptions& options, kernel::Calls& calls, kernel::Waker& waker)
    : options_(options),
      calls_(calls),
      clock_(calls.clock()),
      waker_(waker),
      timers_(clock_.now()),
      pool_(*new BufferPool),
      operations_left_(options.budget_operations),
      bytes_left_(static_cast<std::int64_t>(options.budget_bytes)) {}

Engine::~Engine() { pool_.abandon(); }

bool Engine::start_wait(Operation& operation) {
  if (operation.kind == Operation::Kind::wait && operation.deadline > now()) {
    operation.state = Operation::State::parked;
    timers_.add(operation);
  } else {
    finish_later(operation, 0);
  }
  return false;
}

void Engine::finish_due_timers() noexcept {
  List due;
  timers_.expire(now(), due);
  while (!due.empty()) { finish_later(due.pop_front(), 0); }
}

std::int64_t Engine::until_next_timer() noexcept {
  return std::max<std::int64_t>(timers_.next() - now(), 0);
}

void Engine::discard(int fd) noexcept { calls_.close(fd); }
void Engine::finish_sending(Socket& socket) noexcept { calls_.finish_sending(socket.fd); }
void Engine::reset_on_close(Socket& socket) noexcept { calls_.reset_on_close(socket.fd); }
std::size_t Engine::unread(Socket& socket) noexcept { return calls_.unread(socket.fd); }
Endpoint Engine::peer(const Socket& socket) const { return calls_.peer(socket.fd); }
Endpoint Engine::local(const Socket& socket) const { return calls_.local(socket.fd); }
int Engine::make_socket(const Endpoint& endpoint) noexcept {
  return calls_.socket_for(endpoint, kernel::Mode::nonblocking);
}
int Engine::bind_source(int fd, const Endpoint& from) noexcept {
  return calls_.bind_source(fd, from);
}

}  // namespace weir::detail
