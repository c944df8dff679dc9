#include "engine/completion.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "engine/ring_buffers.h"
#include "engine/transfer.h"

namespace weir::detail {
namespace {

// Buffers that may wait on a socket before its receive is called off.
constexpr unsigned queued_max = 8;

// A turn that resumes more than these has a batch of sends.
constexpr std::size_t few_resumed = 2;

}  // namespace

CompletionEngine::CompletionEngine(const EngineOptions& options, kernel::Calls& calls,
                                   kernel::Waker& waker)
    : Engine(options, calls, waker),
      completions_(512),
      silent_bytes_(new std::byte[silent_bytes_most]),
      buffers_(*new RingBuffers(calls, options.spin_before_sleep != 0)),
      ring_(*buffers_.ring) {}

CompletionEngine::~CompletionEngine() {
  for (const auto& [listener, fd] : accepted_) calls_.close(fd);
  ring_.stop();
  buffers_.abandon();
}

std::size_t CompletionEngine::leased() const noexcept {
  return Engine::leased() + buffers_.leased();
}

// What the kernel has handed over waits on the socket, until a handler that has used up its budget
// has its turn.
std::size_t CompletionEngine::unread(Socket& socket) noexcept {
  std::size_t size = Engine::unread(socket);
  for (const Buffer* each = socket.received; each != nullptr; each = each->next) {
    size += each->size();
  }
  return size;
}

// One turn: one enter hands over what was asked for and waits; then the completions are walked,
// which resumes nobody, and what can go on is resumed, one by one.
void CompletionEngine::turn(bool may_sleep) {
  ++base::counters.turns;
  flush();
  if (const int fd = waker_.fd(); !wake_armed_ && fd >= 0) {
    wake_armed_ = true;
    ring_.poll_once(fd, false, tagged(this, to_wake));
  }
  if (ring_.overflowed()) ++base::counters.overflows;
  std::int64_t bound = sleep_bound(may_sleep);
  if (!wake_armed_) bound = at_most(bound, unwatched_nap);
  bound = closed_ == nullptr ? bound_beside_timer(bound) : 0;
  enter(bound);
  const std::size_t came = reap();
  if (came == 0) found_nothing();
  if (options_.batch_wait != 0 && !calls_.still_waits()) learn(bound, came);
  tell_closed();
  expire_timers();
  perform_runnable();
}

// A sleep that had to be shorter says nothing of who would have come.
void CompletionEngine::learn(std::int64_t bound, std::size_t came) noexcept {
  const bool was_whole = bound < 0 || bound >= options_.batch_wait;
  if (was_whole || (bound != 0 && came >= batching_.wanted())) batching_.came(came);
}

bool CompletionEngine::set_timer(std::int64_t bound) noexcept {
  if (timer_.is_new()) timer_.use(calls_.make_timer());
  if (!timer_.set(bound)) return false;
  if (!std::exchange(timer_is_polled_, true)) {
    ring_.poll_once(timer_.fd(), false, tagged(this, to_timer));
  }
  return true;
}

// Whoever hears of it may begin to serve others, who send: so not while completions are walked.
void CompletionEngine::note_closed(Socket& socket) noexcept {
  socket.next_closed = std::exchange(closed_, &socket);
}

void CompletionEngine::tell_closed() noexcept {
  while (closed_ != nullptr) {
    Socket& socket = *closed_;
    closed_ = socket.next_closed;
    socket.closed();
  }
}

// Walks the completions. Returns how many.
std::size_t CompletionEngine::reap() noexcept {
  std::size_t count = 0, all = 0;
  do {
    count = ring_.reap(completions_);
    for (std::size_t i = 0; i < count; ++i) dispatch(completions_[i]);
    all += count;
  } while (count == completions_.size());
  settle_all();
  return all;
}

void CompletionEngine::enter(std::int64_t bound) noexcept {
  if (options_.spin_before_sleep != 0 && bound != 0) return enter_and_spin(bound);
  const unsigned wanted = batching_.wanted();
  ring_.submit_and_wait(wanted, wanted == 1 ? bound : at_most(bound, options_.batch_wait));
}

void CompletionEngine::dispatch(const kernel::Ring::Completion& completion) noexcept {
  void* pointer = reinterpret_cast<void*>(completion.data & ~std::uint64_t{tag_bits});
  if (pointer == nullptr) return;  // A cancellation's own completion.
  switch (completion.data & tag_bits) {
    case to_operation: return finished(*static_cast<Operation*>(pointer), completion.result);
    case to_receive: return received(*static_cast<Socket*>(pointer), completion);
    case to_accept: return accepted(*static_cast<Socket*>(pointer), completion);
    case to_poll: return readable(*static_cast<Socket*>(pointer), completion.result);
    case to_close: return note_closed(*static_cast<Socket*>(pointer));
    case to_wake: return wake_reported();
    case to_timer: return struck(completion.result);
    case to_silent: return spoke(*static_cast<Silent*>(pointer), completion.result);
    default: ASSERT(false);
  }
}

void CompletionEngine::perform_runnable() noexcept {
  List batch;
  batch.append(runnable_);
  resumes_many_ = batch.has_more_than(few_resumed);
  while (!batch.empty()) {
    Operation& operation = batch.pop_front();
    if (operation.state != Operation::State::ended && !take(operation)) {
      operation.state = Operation::State::parked;
      arm(*operation.socket);
      continue;
    }
    if (operation.socket != nullptr) place_on_socket(operation) = nullptr;
    resume_unflushed(operation);
    flush();
  }
}

bool CompletionEngine::start(Operation& operation) {
  ASSERT(!operation.pending());
  if (operation.socket == nullptr) return start_wait(operation);
  ASSERT(place_on_socket(operation) == nullptr);  // One operation a direction.
  if (operation.kind == Operation::Kind::send) return start_send(operation);
  if (operation.kind == Operation::Kind::connect) return start_connect(operation);
  if (!within_budget()) {
    ++base::counters.budget_stops;
    take_off_hold(*operation.socket);
    place_on_socket(operation) = &operation;
    make_runnable(operation);
    return false;
  }
  if (take(operation)) return true;
  place_on_socket(operation) = &operation;
  operation.state = Operation::State::parked;
  arm(*operation.socket);
  return false;
}

bool CompletionEngine::start_connect(Operation& operation) noexcept {
  Socket& socket = *operation.socket;
  operation.result = calls_.connect(socket.fd, *operation.address);
  if (operation.result != -EINPROGRESS && operation.result != -EINTR) return true;
  ring_.poll_once(socket.fd, true, tagged(&operation, to_operation));
  ++socket.in_kernel;
  socket.writer = &operation;
  operation.state = Operation::State::in_kernel;
  return false;
}

void CompletionEngine::finished(Operation& operation, std::int32_t result) noexcept {
  Socket& socket = *operation.socket;
  --socket.in_kernel;
  socket.may_send = true;
  if (socket.closing) {
    operation.state = Operation::State::idle;
    socket.writer = nullptr;
    return close_if_quiet(socket);
  }
  if (operation.kind == Operation::Kind::connect && result >= 0) {
    result = calls_.connect_result(socket.fd);
  }
  finish_later(operation, result);
}

// --- receiving and accepting -----------------------------------------------------------------

void CompletionEngine::arm(Socket& socket) noexcept {
  // The kernel said that there is more, and that it goes on; what it gave has been read. At an
  // urgent mark recv(2) can answer EAGAIN with bytes unread, and then it waits for news that never
  // come (seen on Linux 6.18, a few times in 3,600 under load). Asking anew reads them.
  if (socket.unread && !socket.closing) {
    socket.unread = false;
    ring_.cancel(tagged(&socket, to_receive));
  }
  if (socket.armed || socket.ended || socket.closing) return;
  socket.armed = true;
  ++socket.in_kernel;
  if (socket.is_listener) {
    arm_listener(socket);
  } else if (streams(socket)) {
    ring_.poll_once(socket.fd, false, tagged(&socket, to_poll));
  } else {
    ring_.receive_multishot(socket.fd, tagged(&socket, to_receive));
  }
}

void CompletionEngine::wake_reader(Socket& socket) noexcept {
  if (socket.reader != nullptr && socket.reader->state == Operation::State::parked) {
    make_runnable(*socket.reader);
  }
}

void CompletionEngine::received(Socket& socket,
                                const kernel::Ring::Completion& completion) noexcept {
  if (!completion.more) {
    socket.armed = false;
    --socket.in_kernel;
  }
  socket.unread = completion.more && completion.unread;
  if (completion.has_buffer) {
    Buffer& buffer = buffers_.filled(completion.buffer, std::max(completion.result, 0));
    if (socket.closing || completion.result <= 0) {
      buffers_.release(buffer);
    } else {
      append(socket, buffer);
      const bool begins_stream = socket.unread && buffer.room() == 0 && !streams(socket);
      if (begins_stream) begin_stream(socket);
      if (begins_stream || (completion.more && socket.queued == queued_max)) {
        ring_.cancel(tagged(&socket, to_receive));
      }
    }
  }
  if (socket.closing) return close_if_quiet(socket);
  if (completion.result == -ENOBUFS && base::planted(base::Mutant::buffers_out_is_end)) {
    return end_stream(socket, 0);
  }
  if (completion.result == -ENOBUFS) {
    // Every buffer is leased, or on its way back from another thread. The kernel says so whether
    // or not there is data, so wait until there is some, then receive into memory of our own.
    ++base::counters.buffers_missed;
    buffers_.reclaim();
    socket.armed = true;
    ++socket.in_kernel;
    ring_.poll_once(socket.fd, false, tagged(&socket, to_poll));
    return;
  }
  const bool called_off = completion.result == -ECANCELED;
  if (called_off && streams(socket)) socket.may_receive = true;
  if (completion.result <= 0 && !called_off) return end_stream(socket, completion.result);
  wake_reader(socket);
}

void CompletionEngine::begin_stream(Socket& socket) noexcept {
  socket.unread = false;
  socket.buffer_class = 2;
}

void CompletionEngine::append(Socket& socket, Buffer& buffer) noexcept {
  Buffer** place = &socket.received;
  while (*place != nullptr) place = &(*place)->next;
  *place = &buffer;
  ++socket.queued;
}

void CompletionEngine::end_stream(Socket& socket, std::int32_t result) noexcept {
  socket.ended = true;
  socket.ending = static_cast<std::int16_t>(result);
  wake_reader(socket);
}

void CompletionEngine::readable(Socket& socket, std::int32_t result) noexcept {
  socket.armed = false;
  --socket.in_kernel;
  if (socket.closing) return close_if_quiet(socket);
  socket.may_receive = result >= 0;
  wake_reader(socket);
}

// By a call: the kernel has said that there is something, or the connection streams.
void CompletionEngine::receive_into_own(Socket& socket) noexcept {
  socket.may_receive = false;
  Buffer* buffer = pool_.lease(socket.buffer_class);
  if (buffer == nullptr && pool_.at_limit()) return starve_socket(socket);
  if (buffer == nullptr) return end_stream(socket, -ENOMEM);
  const std::int64_t got = receive_now(socket.fd, buffer->data, buffer->capacity);
  if (got > 0) {
    buffer->end = static_cast<std::uint32_t>(got);
    socket.may_receive = buffer->room() == 0;
    socket.buffer_class = next_class(socket.buffer_class, buffer->end, buffer->capacity);
    append(socket, *buffer);
  } else {
    pool_.release(*buffer);
    if (got != -EAGAIN) end_stream(socket, static_cast<std::int32_t>(got));
  }
}

bool CompletionEngine::take(Operation& operation) noexcept {
  return operation.kind == Operation::Kind::accept ? take_accepted(operation)
                                                   : take_received(operation);
}

bool CompletionEngine::take_received(Operation& operation) noexcept {
  Socket& socket = *operation.socket;
  if (socket.received == nullptr && socket.may_receive && !socket.armed && !socket.ended) {
    receive_into_own(socket);
  }
  if (Buffer* buffer = socket.received) {
    socket.received = buffer->next;
    buffer->next = nullptr;
    --socket.queued;
    operation.buffer = buffer;
    operation.result = static_cast<std::int32_t>(buffer->size());
    spend(operation.result);
    return true;
  }
  if (!socket.ended) return false;
  spend(0);  // A handler that does not heed the end would never give the loop back.
  operation.buffer = nullptr;
  operation.result = socket.ending;
  return true;
}

// --- cancelling and closing ------------------------------------------------------------------

void CompletionEngine::cancel(Operation& operation) noexcept {
  switch (operation.state) {
    case Operation::State::parked:
      // A receive stays armed: what comes meanwhile waits on the socket and is not lost.
      if (operation.socket == nullptr) timers_.remove(operation);
      break;
    case Operation::State::runnable: operation.unlink(); break;
    case Operation::State::in_kernel: ring_.cancel(tagged(&operation, to_operation)); return;
    default: return;  // Not pending, or it has ended and won the race.
  }
  if (operation.kind == Operation::Kind::accept) hold_accepts(*operation.socket);
  finish_later(operation, -ECANCELED);
}

void CompletionEngine::adopt(Socket& socket) {
  socket.received = nullptr;
  socket.armed = socket.ended = socket.closing = socket.unread = socket.silent = false;
  socket.may_receive = false;
  socket.may_send = true;
  socket.in_kernel = socket.queued = 0;
}

void CompletionEngine::close(Socket& socket) noexcept {
  socket.closing = true;
  if (Operation* reader = std::exchange(socket.reader, nullptr)) {
    reader->unlink();
    reader->state = Operation::State::idle;
  }
  if (socket.writer != nullptr && socket.writer->state != Operation::State::in_kernel) {
    socket.writer->unlink();
    std::exchange(socket.writer, nullptr)->state = Operation::State::idle;
  }
  while (Buffer* buffer = socket.received) {
    socket.received = buffer->next;
    buffer->home->release(*buffer);
  }
  std::erase_if(accepted_, [&](const auto& each) {
    if (each.first == &socket && each.second >= 0) calls_.close(each.second);
    return each.first == &socket;
  });
  std::erase(starved_sockets_, &socket);
  if (base::planted(base::Mutant::freed_in_kernel)) socket.in_kernel = 0;
  if (socket.in_kernel == 0) return close_if_quiet(socket);
  // The completions of what is in the kernel come back before the descriptor is closed.
  if (socket.armed) {
    ring_.cancel(tagged(&socket, socket.is_listener ? to_accept : to_receive));
    ring_.cancel(tagged(&socket, to_poll));
  }
  if (socket.writer != nullptr) ring_.cancel(tagged(socket.writer, to_operation));
}

void CompletionEngine::close_if_quiet(Socket& socket) noexcept {
  if (socket.in_kernel == 0) ring_.close(std::exchange(socket.fd, -1), tagged(&socket, to_close));
}

}  // namespace weir::detail
