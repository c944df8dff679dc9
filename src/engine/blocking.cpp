#include "engine/blocking.h"

#include <cerrno>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/counters.h"
#include "engine/transfer.h"
#include "kernel/accept_error.h"

namespace weir::detail {

BlockingEngine::BlockingEngine(const EngineOptions& options, kernel::Calls& calls,
                               kernel::Waker& waker)
    : Engine(options, calls, waker),
      bound_is_inherited_(options.clients_have_bound),
      polls_to_accept_(options.several_listeners) {}

BlockingEngine::~BlockingEngine() = default;

namespace {

// What its handler awaits beside the client was there at once, twice: one that always is would keep
// it from ever hearing him, so the next receive is tried.
constexpr std::uint8_t overlooked = 2;

}  // namespace

bool BlockingEngine::start(Operation& operation) {
  ASSERT(!operation.pending());
  if (operation.socket == nullptr) return start_wait(operation);
  ASSERT(place_on_socket(operation) == nullptr);  // One operation a direction.
  // What else will be waited for is not known yet, so nothing blocks here; a send is tried,
  // because most often it does not have to wait at all.
  if (operation.kind == Operation::Kind::send) {
    if (attempt(operation, kernel::Mode::nonblocking)) return true;
  } else if (operation.kind == Operation::Kind::connect) {
    if (connect(operation)) return true;
  } else if (operation.socket->passed_over == overlooked) [[unlikely]] {
    operation.socket->passed_over = 0;
    if (attempt(operation, kernel::Mode::nonblocking)) return true;
  }
  park(operation);
  return false;
}

void BlockingEngine::park(Operation& operation) noexcept {
  if (starves(operation)) return starve(operation);
  place_on_socket(operation) = &operation;
  if (!make_room(parked_count_ + 1)) return finish_later(operation, -ENOMEM);
  operation.state = Operation::State::parked;
  if (operation.kind == Operation::Kind::receive) ++operation.socket->passed_over;
  parked_.push_back(operation);
  ++parked_count_;
}

// What poll(2) will be asked, and the waker's descriptor. Had while there is an operation that can
// be told that there is no memory.
bool BlockingEngine::make_room(std::size_t operations) noexcept {
  if (operations < entries_.capacity()) return true;
  try {
    entries_.reserve(2 * operations + 2);
  } catch (const std::bad_alloc&) { return false; }
  return true;
}

// One turn. With one operation to wait for and nothing beside it, the wait is the call itself.
void BlockingEngine::turn(bool may_sleep) {
  ++base::counters.turns;
  flush_all();
  if (may_sleep && may_block()) {
    Operation& only = parked_.front();
    only.socket->passed_over = 0;
    const bool ended = attempt(only, kernel::Mode::blocking);
    if (!ended) found_nothing();
    expire_timers();  // First, because the call may have slept: who goes on notes the time.
    if (ended) {
      complete(only);
    } else if (starves(only)) {
      only.unlink();
      --parked_count_;
      starve(only);
    }
    return;
  }
  poll_parked(may_sleep);
  expire_timers();
  perform_runnable();
}

bool BlockingEngine::may_block() noexcept {
  if (parked_count_ != 1 || events_expected_ != 0) return false;
  if (!runnable_.empty() || !timers_.empty() || waker_.woken()) return false;
  const Operation::Kind kind = parked_.front().kind;
  return kind != Operation::Kind::connect &&
         (kind != Operation::Kind::accept || !polls_to_accept_);
}

void BlockingEngine::complete(Operation& operation) noexcept {
  operation.unlink();
  --parked_count_;
  place_on_socket(operation) = nullptr;
  resume(operation);
}

void BlockingEngine::poll_parked(bool may_sleep) {
  entries_.clear();
  parked_.for_each([this](Operation& operation) {
    operation.socket->passed_over = 0;
    const bool reads =
        operation.kind == Operation::Kind::receive || operation.kind == Operation::Kind::accept;
    entries_.push_back(
        {operation.socket->fd, reads ? kernel::poll_readable : kernel::poll_writable, 0});
  });
  // Asked for before the bound is computed: a wake that came before there was a descriptor has
  // set the flag, which the bound looks at. Who is awake already needs no descriptor to be woken.
  const bool sleeps = may_sleep && runnable_.empty() && !waker_.woken();
  // While there are none, the first that comes free is a client's, who waits for it.
  if (sleeps && wake_fd_ < 0 && !lacks_descriptors_) wake_fd_ = waker_.fd();
  const int wake_fd = sleeps ? wake_fd_ : -1;
  if (wake_fd >= 0) entries_.push_back({wake_fd, kernel::poll_readable, 0});
  // A blocking accept is bounded, and so is a wait for one: what a worker looks after beside its
  // operations, as the children of `fork`, wakes nobody.
  std::int64_t bound = sleep_bound(may_sleep);
  if (wake_fd < 0 || polls_to_accept_) bound = at_most(bound, blocking_bound);
  if (calls_.poll(entries_.data(), entries_.size(), bound) == 0) return found_nothing();
  std::size_t index = 0;
  parked_.for_each([&](Operation& operation) {
    if (entries_[index++].happened == 0) return;
    operation.unlink();
    --parked_count_;
    make_runnable(operation);
  });
  if (wake_fd >= 0 && entries_[index].happened != 0) waker_.reported();
}

void BlockingEngine::perform_runnable() noexcept {
  List batch;
  batch.append(runnable_);
  while (!batch.empty()) {
    Operation& operation = batch.pop_front();
    if (operation.state == Operation::State::ended ||
        attempt(operation, kernel::Mode::nonblocking)) {
      if (operation.socket != nullptr) place_on_socket(operation) = nullptr;
      resume(operation);
    } else {
      park(operation);
    }
  }
}

void BlockingEngine::retry(Operation& operation) noexcept {
  if (!attempt(operation, kernel::Mode::nonblocking)) return park(operation);
  has_retried();
  resume(operation);  // A starved one has no place on its socket.
}

bool BlockingEngine::attempt(Operation& operation, kernel::Mode mode) noexcept {
  switch (operation.kind) {
    case Operation::Kind::accept: return accept(operation);
    case Operation::Kind::receive: return receive(operation, mode);
    case Operation::Kind::send: return send(operation, mode);
    case Operation::Kind::connect:
      operation.result = calls_.connect_result(operation.socket->fd);
      if (operation.result == 0) calls_.set_nonblocking(operation.socket->fd, false);
      return true;
    case Operation::Kind::wait:
    case Operation::Kind::event: break;
  }
  ASSERT(false);  // They are never attempted: they end by a timer or an event.
}

bool BlockingEngine::accept(Operation& operation) noexcept {
  // The listener's mode decides whether this blocks (see adopt). A stop is seen when its
  // receive timeout, which bounds accept too, has passed (socket(7)).
  const int fd = calls_.accept(operation.socket->fd, kernel::Mode::blocking);
  if (fd == -EAGAIN && !polls_to_accept_) {
    // The bound has passed, or another process that shares the listener, our successor say, has
    // made it nonblocking: then this loop must not spin.
    polls_to_accept_ = calls_.is_nonblocking(operation.socket->fd);
  }
  lacks_descriptors_ = fd == -EMFILE || fd == -ENFILE;
  if (fd == -EAGAIN || (fd < 0 && kernel::accept_should_retry(-fd))) return false;
  if (fd >= 0 && !bound_is_inherited_) calls_.set_blocking_bound(fd, blocking_bound);
  operation.result = fd;
  return true;
}

bool BlockingEngine::receive(Operation& operation, kernel::Mode mode) noexcept {
  Socket& socket = *operation.socket;
  Buffer* buffer = pool_.lease(socket.buffer_class);
  if (buffer == nullptr) return lacks_buffer(operation);
  const std::int64_t got =
      mode == kernel::Mode::blocking
          ? calls_.receive_blocking(socket.fd, buffer->data, buffer->capacity)
          : calls_.receive(socket.fd, buffer->data, buffer->capacity);
  if (got > 0) {
    const auto size = static_cast<std::uint32_t>(got);
    buffer->end = size;
    socket.buffer_class = next_class(socket.buffer_class, size, buffer->capacity);
    operation.buffer = buffer;
  } else {
    pool_.release(*buffer);
    if (got == -EAGAIN || got == -EINTR) return false;
    operation.buffer = nullptr;
  }
  operation.result = static_cast<std::int32_t>(got);
  return true;
}

bool BlockingEngine::send(Operation& operation, kernel::Mode mode) noexcept {
  const Buffer* first = operation.buffer;
  std::int64_t sent = 0;
  if (mode == kernel::Mode::blocking) {
    sent = calls_.send_blocking(operation.socket->fd, first->data + first->begin, first->size());
  } else {
    kernel::Slice slices[kernel::slices_max];
    std::size_t total = 0;
    const std::size_t count = gather(first, slices, kernel::slices_max, total);
    sent = count == 1 ? calls_.send(operation.socket->fd, slices[0].data, slices[0].size)
                      : calls_.send(operation.socket->fd, slices, count);
  }
  if (sent == -EAGAIN || sent == -EINTR) return false;
  operation.result = static_cast<std::int32_t>(sent);
  return true;
}

bool BlockingEngine::connect(Operation& operation) noexcept {
  const int result = calls_.connect(operation.socket->fd, *operation.address);
  if (result == -EINPROGRESS || result == -EINTR) return false;
  if (result == 0) calls_.set_nonblocking(operation.socket->fd, false);
  operation.result = result;
  return true;
}

void BlockingEngine::cancel(Operation& operation) noexcept {
  switch (operation.state) {
    case Operation::State::parked:
      if (operation.socket == nullptr) {
        timers_.remove(operation);
      } else {
        operation.unlink();
        --parked_count_;
      }
      break;
    case Operation::State::runnable: operation.unlink(); break;
    default: return;  // Not pending, or it has ended and won the race.
  }
  finish_later(operation, -ECANCELED);
}

void BlockingEngine::adopt(Socket& socket) {
  if (!socket.is_listener) return;
  // An accepted TCP socket inherits the bound, if its listener had it before the client came;
  // a unix socket never does.
  if (!calls_.has_blocking_bound(socket.fd)) {
    calls_.set_blocking_bound(socket.fd, blocking_bound);
    bound_is_inherited_ = false;
  }
  if (!socket.is_tcp) bound_is_inherited_ = false;
  // One of several may be ready for another worker and no longer for us: then we must not hang.
  // One that does not block is left so: whoever shares it may count on that.
  if (options_.several_listeners) {
    calls_.set_nonblocking(socket.fd, true);
  } else {
    polls_to_accept_ = calls_.is_nonblocking(socket.fd);
  }
}

int BlockingEngine::make_socket(const Endpoint& endpoint) noexcept {
  const int fd = calls_.socket_for(endpoint, kernel::Mode::nonblocking);
  if (fd >= 0) calls_.set_blocking_bound(fd, blocking_bound);
  return fd;
}

void BlockingEngine::close(Socket& socket) noexcept {
  for (Operation* pending : {socket.reader, socket.writer}) {
    if (pending == nullptr) continue;
    if (pending->state == Operation::State::parked) --parked_count_;
    pending->unlink();
    pending->state = Operation::State::idle;
  }
  socket.reader = socket.writer = nullptr;
  if (!starved_.empty()) forget_starved(socket);
  calls_.close(std::exchange(socket.fd, -1));
  socket.closed();
}

}  // namespace weir::detail
