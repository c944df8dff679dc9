#include "engine/readiness.h"

#include <cerrno>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "engine/transfer.h"
#include "kernel/accept_error.h"

namespace weir::detail {

ReadinessEngine::ReadinessEngine(const EngineOptions& options, kernel::Calls& calls,
                                 kernel::Waker& waker, std::unique_ptr<Poller> poller)
    : Engine(options, calls, waker), poller_(std::move(poller)) {
  wake_socket_.fd = waker_.fd();
  wake_is_watched_ = wake_socket_.fd >= 0 && poller_->watch(wake_socket_, interest::receive) == 0;
  sleeps_plainly_ = wake_is_watched_ && options.spin_before_sleep == 0;
}

ReadinessEngine::~ReadinessEngine() {
  if (timer_.fd() >= 0) poller_->forget(timer_socket_);
  if (wake_is_watched_) poller_->forget(wake_socket_);
}

void ReadinessEngine::turn(bool may_sleep) {
  ASSERT(!turning_);  // A handler must never re-enter the loop.
  turning_ = true;
  ++base::counters.turns;
  flush_all();
  wait(sleep_bound(may_sleep));
  expire_timers();
  perform_queued();
  perform_ready();
  turning_ = false;
}

// The loop. Each time round: sleep until something is ready, then perform and resume, one by one.
//
// Nothing resumes while the report is walked, so no socket can be closed, and no descriptor
// given out again, between the kernel's report and our retry.
//
// Most turns are steady: nothing waits but for the kernel, and nothing but its report can have
// made that different. A wake is a report, too: there is a descriptor for it.
void ReadinessEngine::turns() {
  if (!sleeps_plainly_) return Engine::turns();
  turn(true);  // Looks whether a wake came when nobody slept on its descriptor.
  ASSERT(!turning_);
  turning_ = true;
  while (!attention_called()) {
    ++base::counters.turns;
    const bool steady = is_steady();
    wait(steady ? steady_bound() : sleep_bound(true));
    if (steady) [[likely]] {
      follow_clock_now_and_then();
    } else {
      expire_timers();
      perform_queued();
    }
    perform_ready();
  }
  turning_ = false;
}

inline void ReadinessEngine::wait(std::int64_t bound) {
  bound = bound_beside_timer(bound);
  if (!sleeps_plainly_ && bound != 0) return wait_otherwise(bound);
  poller_->wait(bound, vain_attempts_);
  if (poller_->ready_count() == 0) found_nothing();
}

bool ReadinessEngine::set_timer(std::int64_t bound) noexcept {
  // nonblocking is not told, and rests only: it has no long sleeps to end.
  if (timer_.is_new() && poller_->is_told()) {
    auto timer = calls_.make_timer();
    timer_socket_.fd = timer == nullptr ? -1 : timer->fd();
    const bool is_watched =
        timer != nullptr && poller_->watch(timer_socket_, interest::receive) == 0;
    timer_.use(is_watched ? std::move(timer) : nullptr);
  }
  return timer_.set(bound);
}

void ReadinessEngine::wait_otherwise(std::int64_t bound) {
  // Without a descriptor to be woken by, nap instead of sleeping.
  if (!wake_is_watched_) bound = at_most(bound, unwatched_nap);
  const std::int64_t spin = options_.spin_before_sleep;
  const auto finds = [this] {
    poller_->wait(0, 0);
    return poller_->ready_count() != 0 || waker_.woken();
  };
  if (spin != 0 && spin_.finds_in(spin, [this] { return now(); }, finds)) return;
  poller_->wait(bound, vain_attempts_);
  if (poller_->ready_count() == 0) {
    found_nothing();
  } else if (spin != 0) {
    spin_.found_asleep(spin, now());
  }
}

// What becomes runnable meanwhile waits for the next turn: nobody can keep the loop for himself.
[[gnu::always_inline]] inline void ReadinessEngine::perform_ready() noexcept {
  Poller& poller = *poller_;
  for (std::size_t i = 0; i < poller.ready_count(); ++i) {
    Operation* operation = poller.ready(i);
    if (operation == nullptr) continue;
    if (operation->kind != Operation::Kind::receive) [[unlikely]] {
      perform(*operation);
    } else if (receive(*operation)) [[likely]] {
      operation->socket->reader = nullptr;
      conclude(*operation);
    } else {
      attempted_in_vain(*operation);
    }
  }
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
    conclude_untried(operation);
  }
}

inline void ReadinessEngine::conclude(Operation& operation) noexcept {
  vain_attempts_ = 0;
  resume(operation);
}

// It ended by time, or was cancelled. That says nothing of the sockets, unless its handler used
// one: a listener that rests for want of descriptors would make a silent server hurry.
void ReadinessEngine::conclude_untried(Operation& operation) noexcept {
  const auto traffic = [] {
    const Statistics& counters = base::counters;
    return counters.accepted + counters.bytes_received + counters.bytes_sent;
  };
  const unsigned vain_before = vain_attempts_;
  const std::uint64_t before = traffic();
  conclude(operation);
  if (traffic() == before) vain_attempts_ = vain_before;
}

void ReadinessEngine::attempted_in_vain(Operation& operation) noexcept {
  ++vain_attempts_;
  park(operation);
}

void ReadinessEngine::perform(Operation& operation) noexcept {
  if (&operation == &wake_socket_) return woken();
  if (&operation == &timer_socket_) return struck();
  if (!attempt(operation)) return attempted_in_vain(operation);
  place_on_socket(operation) = nullptr;
  conclude(operation);
}

void ReadinessEngine::retry(Operation& operation) noexcept {
  if (!attempt(operation)) return attempted_in_vain(operation);
  has_retried();
  conclude(operation);  // A starved one has no place on its socket.
}

// It stays parked, to be told again; whoever looks after the wake makes it unreadable.
void ReadinessEngine::woken() noexcept {
  wake_socket_.state = Operation::State::parked;
  if (poller_->is_told() ? waker_.reported() : waker_.woken()) {
    call_attention();
  } else {
    ++vain_attempts_;
  }
}

// The clock is looked at now: this turn's look was before what is ready is performed, and the next
// one's is after another sleep.
void ReadinessEngine::struck() noexcept {
  timer_socket_.state = Operation::State::parked;
  timer_.struck();
  follow_clock();
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

bool ReadinessEngine::attempt(Operation& operation) noexcept {
  switch (operation.kind) {
    case Operation::Kind::receive: return receive(operation);
    case Operation::Kind::send: return send(operation);
    case Operation::Kind::accept: return accept(operation);
    case Operation::Kind::connect: return connect(operation);
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
[[gnu::always_inline]] inline bool ReadinessEngine::receive(Operation& operation) noexcept {
  Socket& socket = *operation.socket;
  Buffer* buffer = pool_.lease(socket.buffer_class);
  if (buffer == nullptr) [[unlikely]]
    return lacks_buffer(operation);
  const std::int64_t got = calls_.receive(socket.fd, buffer->data, buffer->capacity);
  if (got <= 0) [[unlikely]]
    return received_nothing(operation, *buffer, got);
  const auto size = static_cast<std::uint32_t>(got);
  spend(got);
  buffer->end = size;
  operation.buffer = buffer;
  operation.result = static_cast<std::int32_t>(got);
  const bool filled = size == buffer->capacity;
  if (filled || socket.buffer_class != 0) [[unlikely]]
    socket.buffer_class = next_class(socket.buffer_class, size, buffer->capacity);
  socket.may_receive = filled || socket.short_reads_mislead;
  return true;
}

bool ReadinessEngine::received_nothing(Operation& operation, Buffer& buffer,
                                       std::int64_t result) noexcept {
  if (!base::planted(base::Mutant::leaked_buffer)) pool_.release(buffer);
  if (result == -EINTR) return attempt(operation);
  if (result == -EAGAIN) {
    operation.socket->may_receive = false;
    return false;
  }
  spend(0);  // A handler that does not heed the end would never give the loop back.
  operation.buffer = nullptr;
  operation.result = static_cast<std::int32_t>(result);
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
    if (fd < 0 && kernel::accept_should_retry(-fd)) continue;
    spend(0);
    operation.result = fd;
    return true;
  }
  operation.result = -ECONNABORTED;
  return true;
}

bool ReadinessEngine::connect(Operation& operation) noexcept {
  // First attempt: start it. Second, when the poller reports the socket writable: how it ended.
  const int fd = operation.socket->fd;
  if (operation.state != Operation::State::idle && poller_->is_told()) {
    operation.result = calls_.connect_result(fd);
    return true;
  }
  // Where nobody reports, the same call says how far it has come (connect(2), EALREADY): while it
  // is under way there is no error to be asked for, and none does not mean that it has ended.
  const int result = calls_.connect(fd, *operation.address);
  if (result == -EINPROGRESS || result == -EALREADY || result == -EINTR) return false;
  operation.result = result == -EISCONN ? 0 : result;
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
