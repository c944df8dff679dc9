#include "engine/readiness.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "engine/transfer.h"
#include "os/socket.h"

namespace weir::detail {

namespace {

constexpr std::int64_t unwatched_nap = 20'000'000;

}  // namespace

ReadinessEngine::ReadinessEngine(const EngineOptions& options, kernel::Calls& calls,
                                 kernel::Waker& waker, std::unique_ptr<Poller> poller)
    : Engine(options, calls, waker), poller_(std::move(poller)) {
  wake_socket_.fd = waker_.fd();
  wake_is_watched_ = wake_socket_.fd >= 0 && poller_->watch(wake_socket_, interest::receive) == 0;
}

ReadinessEngine::~ReadinessEngine() {
  if (wake_is_watched_) poller_->forget(wake_socket_);
}

// One turn: sleep until something is ready, then perform and resume, one by one.
//
// Nothing resumes while the report is walked, so no socket can be closed, and no descriptor
// given out again, between the kernel's report and our retry.
void ReadinessEngine::turn(bool may_sleep) {
  ASSERT(!turning_);  // A handler must never re-enter the loop.
  turning_ = true;
  ++base::counters.turns;
  flush_all();
  wait(may_sleep);
  expire_timers();
  perform_runnable();
  turning_ = false;
}

inline void ReadinessEngine::wait(bool may_sleep) {
  std::int64_t bound = sleep_bound(may_sleep);
  // Without a descriptor to be woken by, nap instead of sleeping.
  if (!wake_is_watched_ && (bound < 0 || bound > unwatched_nap)) bound = unwatched_nap;
  if (bound != 0 && options_.spin_before_sleep != 0 && spin()) return;
  poller_->wait(bound, idle_turns_);
  if (poller_->ready_count() == 0) found_nothing();
}

// Asks again for a while before going to sleep: on an idle CPU the next request often comes
// sooner than a sleeper wakes. After a spin in vain the next one is shorter by half, down to
// none at all; a success brings it back.
bool ReadinessEngine::spin() {
  const std::int64_t give_up = now() + (options_.spin_before_sleep >> std::min(idle_turns_, 20u));
  do {
    poller_->wait(0, 0);
    if (poller_->ready_count() != 0 || waker_.woken()) return true;
  } while (now() < give_up);
  if (idle_turns_ < 20) ++idle_turns_;
  return false;
}

// What becomes runnable meanwhile waits for the next turn: nobody can keep the loop for himself.
inline void ReadinessEngine::perform_runnable() noexcept {
  const std::uint64_t resumed = events_;
  if (!runnable_.empty()) perform_queued();
  for (std::size_t i = 0; i < poller_->ready_count(); ++i) {
    if (Operation* operation = poller_->ready(i)) [[likely]]
      perform(*operation);
  }
  idle_turns_ = events_ != resumed ? 0 : std::min(idle_turns_ + 1, 1000u);
}

// What used up its budget, timers that expired, events: older than the poller's report.
void ReadinessEngine::perform_queued() noexcept {
  List batch;
  batch.append(runnable_);
  while (!batch.empty()) {
    Operation& operation = batch.pop_front();
    if (operation.state == Operation::State::runnable) {
      perform(operation);
      continue;
    }
    if (operation.socket != nullptr) place_on_socket(operation) = nullptr;
    resume(operation);
  }
}

inline void ReadinessEngine::perform(Operation& operation) noexcept {
  if (!attempt(operation)) return park(operation);
  place_on_socket(operation) = nullptr;
  resume(operation);
}

bool ReadinessEngine::start(Operation& operation) {
  ASSERT(!operation.pending());
  if (operation.socket == nullptr) return start_wait(operation);
  ASSERT(place_on_socket(operation) == nullptr);  // One operation a direction.
  if (worth_trying(operation)) {
    // A connect that were put off would look like one whose end is reported.
    const bool connects = operation.kind == Operation::Kind::connect &&
                          !base::planted(base::Mutant::connect_put_off);
    if (within_budget() || connects) {
      if (attempt(operation)) return true;
    } else {
      ++base::counters.budget_stops;
      if (base::planted(base::Mutant::budget_parks)) {
        park(operation);
        return false;
      }
      place_on_socket(operation) = &operation;
      make_runnable(operation);
      return false;
    }
  }
  park(operation);
  return false;
}

inline bool ReadinessEngine::worth_trying(const Operation& operation) const noexcept {
  const Socket& socket = *operation.socket;
  if (operation.kind != Operation::Kind::send) return socket.may_receive;
  return socket.may_send && !options_.send_when_writable;
}

inline bool ReadinessEngine::attempt(Operation& operation) noexcept {
  if (operation.kind == Operation::Kind::receive) [[likely]]
    return receive(operation);
  switch (operation.kind) {
    case Operation::Kind::send: return send(operation);
    case Operation::Kind::accept: return accept(operation);
    case Operation::Kind::connect: return connect(operation);
    case Operation::Kind::receive:
    case Operation::Kind::wait:
    case Operation::Kind::event: break;
  }
  ASSERT(false);  // They are never attempted: they end by a timer or an event.
}

// A short read means that the kernel has nothing more: the call that would say so can be saved.
// On the edge that must be certain, because nobody tells a second time. TCP ends a read early at
// the mark of urgent data (tcp(7)), and a unix socket where descriptors were passed. The first
// shows in the events: whatever arrived before the report is seen in it, whatever arrives after
// it is reported again. So a socket with a condition beside plain readability is read until the
// kernel says EAGAIN (see EdgePoller).
bool ReadinessEngine::receive(Operation& operation) noexcept {
  Socket& socket = *operation.socket;
  Buffer* buffer = pool_.lease(socket.buffer_class);
  if (buffer == nullptr) [[unlikely]]
    return lacks_buffer(operation);
  const std::int64_t got = receive_now(socket.fd, buffer->data, buffer->capacity);
  if (got > 0) [[likely]] {
    const auto size = static_cast<std::uint32_t>(got);
    spend(got);
    buffer->end = size;
    socket.may_receive = size == buffer->capacity || socket.short_reads_mislead;
    socket.buffer_class = next_class(socket.buffer_class, size, buffer->capacity);
    operation.buffer = buffer;
    operation.result = static_cast<std::int32_t>(got);
    return true;
  }
  if (!base::planted(base::Mutant::leaked_buffer)) pool_.release(*buffer);
  if (got == -EAGAIN) {
    socket.may_receive = false;
    return false;
  }
  operation.buffer = nullptr;
  operation.result = static_cast<std::int32_t>(got);
  return true;
}

bool ReadinessEngine::send(Operation& operation) noexcept {
  Socket& socket = *operation.socket;
  const Buffer* first = operation.buffer;
  std::size_t total = first->size();
  std::int64_t sent = 0;
  if (first->next == nullptr) {
    sent = send_now(socket.fd, first->data + first->begin, total);
  } else {
    kernel::Slice slices[kernel::slices_max];
    const std::size_t count = gather(first, slices, kernel::slices_max, total);
    sent = send_now(socket.fd, slices, count);
  }
  if (sent == -EAGAIN) {
    socket.may_send = false;
    return false;
  }
  if (sent >= 0) {
    spend(sent);
    // A part means that the kernel is full, and it will tell when it is not (tcp_sendmsg marks
    // the socket before it gives up).
    socket.may_send = static_cast<std::size_t>(sent) == total;
  }
  operation.result = static_cast<std::int32_t>(sent);
  return true;
}

bool ReadinessEngine::accept(Operation& operation) noexcept {
  for (unsigned bad_luck = 0; bad_luck < options_.budget_operations; ++bad_luck) {
    const int fd = calls_.accept(operation.socket->fd, kernel::Mode::nonblocking);
    if (fd == -EAGAIN) {
      operation.socket->may_receive = false;
      return false;
    }
    if (fd < 0 && os::accept_should_retry(-fd)) continue;
    spend(0);
    operation.result = fd;
    return true;
  }
  operation.result = -ECONNABORTED;
  return true;
}

bool ReadinessEngine::connect(Operation& operation) noexcept {
  // First attempt: start it. Second, when the poller reports the socket writable: how it ended.
  Socket& socket = *operation.socket;
  if (operation.state == Operation::State::idle) {
    const int result = calls_.connect(socket.fd, *operation.address);
    if (result == -EINPROGRESS || result == -EINTR) return false;
    operation.result = result;
  } else {
    operation.result = calls_.connect_result(socket.fd);
  }
  return true;
}

inline void ReadinessEngine::park(Operation& operation) noexcept {
  if (starves(operation)) [[unlikely]]
    return starve(operation);
  place_on_socket(operation) = &operation;
  operation.state = Operation::State::parked;
  Socket& socket = *operation.socket;
  const std::uint8_t what = operation.receives() ? interest::receive : interest::send;
  // A send that was not tried (Options::send_when_writable) may have been possible all along, of
  // which the edge tells nothing; asking anew makes it tell.
  const bool untried = options_.send_when_writable && !operation.receives() && socket.may_send &&
                       !base::planted(base::Mutant::not_asked_anew);
  if ((socket.watched & what) != 0 && !untried) return;
  if (const int error = poller_->watch(socket, what); error != 0) finish_later(operation, error);
}

void ReadinessEngine::cancel(Operation& operation) noexcept {
  switch (operation.state) {
    case Operation::State::parked:
      if (operation.socket == nullptr) timers_.remove(operation);
      break;
    case Operation::State::runnable: withdraw(operation); break;
    default: return;  // Not pending, or it has ended and won the race.
  }
  finish_later(operation, -ECANCELED);
}

// Runnable operations are in the queue or on the poller's list.
void ReadinessEngine::withdraw(Operation& operation) noexcept {
  if (operation.linked()) {
    operation.unlink();
  } else if (operation.state == Operation::State::runnable) {
    poller_->withdraw(operation);
  }
}

void ReadinessEngine::adopt(Socket& socket) {
  socket.may_receive = socket.may_send = true;
  socket.watched = 0;
}

int ReadinessEngine::place(int fd) noexcept {
  if (poller_->accepts(fd)) return fd;
  const int lower = calls_.duplicate(fd);
  if (lower < 0) return -1;
  if (!poller_->accepts(lower)) {
    calls_.close(lower);
    return -1;
  }
  calls_.close(fd);
  return lower;
}

void ReadinessEngine::close(Socket& socket) noexcept {
  for (Operation* pending : {socket.reader, socket.writer}) {
    if (pending == nullptr) continue;
    withdraw(*pending);
    pending->state = Operation::State::idle;
  }
  socket.reader = socket.writer = nullptr;
  if (!starved_.empty()) forget_starved(socket);
  if (socket.watched != 0) poller_->forget(socket);
  calls_.close(std::exchange(socket.fd, -1));
  socket.closed();
}

}  // namespace weir::detail
