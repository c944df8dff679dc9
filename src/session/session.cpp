#include "session/session.h"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include <weir/misuse.h>
#include <weir/server.h>
#include <weir/time.h>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "session/witness.h"
#include "session/worker.h"

namespace weir::detail {

/// A task started by spawn().
struct Session::Child final : Waiter {
  Child(Session& whose, Task<>&& what) : session(whose), task(std::move(what)) {}
  void done() noexcept override { session.child_ended(*this); }

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    free_frame(memory, size);
  }

  Session& session;
  Task<> task;
  InnerScope scope;
  Child* next = nullptr;
};

Session::Session(Worker& worker, std::uint64_t id, int descriptor, bool tcp,
                 bool is_client) noexcept
    : Connection(id),
      worker_(worker),
      is_client_(is_client),
      send_gate_(worker.plan().witness == nullptr ? open_gate : witnessed) {
  const std::uint32_t tick = worker.engine().tick();
  accepted_at_ = (tick >> accepted_unit_bits) & ((1u << accepted_bits) - 1);
  receive_.since = sent_at = static_cast<std::uint16_t>(tick);
  fd = descriptor;
  is_tcp = tcp;
  receive_.socket = this;
}

static_assert(alignof(Session) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "as frames are");

Session::~Session() { ASSERT(outbox_ == nullptr && !has_children_); }

const Socket* Session::socket_of(const Scope& line) noexcept {
  const Scope* outermost = &line;
  while (outermost != nullptr && outermost->place() == Scope::Place::inner) {
    outermost = static_cast<const InnerScope*>(outermost)->outer;
  }
  if (outermost == nullptr || outermost->place() != Scope::Place::handler) return nullptr;
  // Only sessions have scopes of this kind, each as the same member.
  const auto* member = reinterpret_cast<const std::byte*>(outermost);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
  return reinterpret_cast<const Session*>(member - offsetof(Session, scope_));
#pragma GCC diagnostic pop
}

void Session::serve(Handler& handler) noexcept {
  try {
    worker_.engine().adopt(*this);
  } catch (...) {  // Out of memory: this session's loss only.
    failed_ = true;
    mark_reset();
    return end();
  }
  call(handler);
}

void Session::call(Handler& handler) noexcept {
  try {
    task_ = handler(*this);
  } catch (...) {  // For its frame.
    failed_ = true;
    mark_reset();
    return end();
  }
  worker_.engine().running().begin(this);
  if (task_.start(scope_, *this)) done();
}

void Session::done() noexcept {
  if (lingering_) {
    lingering_ = false;
    try {
      task_.result();
    } catch (const std::system_error& error) { linger_failed(error.code()); } catch (...) {
      linger_failed(std::make_error_code(std::errc::not_enough_memory));
    }
    task_ = {};
    return release();
  }
  if (introducing_) return introduced();
  handler_ended();
}

// The peer took none of the last bytes, or vanished. If it has them all and only does not close,
// an ordinary close is what is left to do.
void Session::linger_failed(const std::error_code& why) noexcept {
  if (fin_sent_) return;
  mark_reset();
  if (why == std::errc::operation_canceled ||
      (why == std::errc::timed_out && worker_.stopping())) {
    cut_ = true;
  } else if (why == std::errc::timed_out && !is_client_ && timed_out_ == TimedOut::no) {
    timed_out_ = TimedOut::linger;
    ++base::counters.timed_out_linger;
  } else {
    failed_ = true;
  }
}

void Session::handler_ended() noexcept {
  try {
    task_.result();
  } catch (const IoError& error) {
    // A connection that broke, or a server that stops, is a common end. What the handler had
    // queued is still sent if it can be.
    if (error.code() != std::errc::operation_canceled) failed_ = true;
  } catch (const std::exception& error) {
    failed_ = true;
    worker_.log_handler_error(*this, error.what());
  } catch (...) {
    failed_ = true;
    worker_.log_handler_error(*this, "an exception that is not a std::exception");
  }
  task_ = {};
  end();
}

void Session::spawn(Task<> task) {
  std::unique_ptr<Child> made(new Child(*this, std::move(task)));
  Child*& first = worker_.children_of(*this);
  Child* child = made.release();
  child->scope.outer = &scope_;
  child->next = std::exchange(first, child);
  has_children_ = true;
  if (ending_) child->scope.cancel();
  if (child->task.start(child->scope, *child)) child_ended(*child);
}

void Session::child_ended(Child& child) noexcept {
  try {
    child.task.result();
  } catch (const IoError& error) {
    if (error.code() != std::errc::operation_canceled) failed_ = true;
  } catch (const std::exception& error) {
    failed_ = true;
    worker_.log_handler_error(*this, error.what());
  } catch (...) {
    failed_ = true;
    worker_.log_handler_error(*this, "an exception that is not a std::exception");
  }
  // While it is still one of them: what it owns may spawn others as it goes, and if those end at
  // once, none of them is the last.
  child.task = {};
  Child*& first = worker_.children_of(*this);
  for (Child** place = &first;; place = &(*place)->next) {
    if (*place != &child) continue;
    *place = child.next;
    break;
  }
  delete &child;
  if (first == nullptr) {
    worker_.forget_children_of(*this);
    has_children_ = false;
  }
  if (ending_) {
    if (!has_children_) end();
  } else if (failed_) {
    scope_.cancel();
  }
}

// The last bytes are never lost: close() with bytes unread, or bytes that arrive after it, makes
// TCP send a reset, which throws away what the peer has not read yet (RFC 9293, section 3.10.4;
// RFC 2525, section 2.17). So: flush, FIN, read until the peer closes too, close.
void Session::end() noexcept {
  worker_.engine().flush_staged(*this);  // Again, too, for what its tasks said at their end.
  if (!ending_) {
    ending_ = true;
    if (has_children_) {
      for (Child* each = worker_.children_of(*this); each != nullptr; each = each->next)
        each->scope.cancel();
    }
  }
  if (has_children_) return;  // The last of them calls again.
  if (is_reset() || cut_ || broken()) return release();
  if (base::planted(base::Mutant::no_linger)) return release();
  if (peer_done_ && outbox_ == nullptr) return release();
  lingering_ = true;
  scope_.renew();
  try {
    task_ = linger();
  } catch (...) {
    mark_reset();
    lingering_ = false;
    return release();
  }
  if (task_.start(scope_, *this)) done();
}

// The kernel asks for more only when a third of its buffer is free, which takes a slow reader long:
// that he goes on shows there.
Session::Unsent Session::still_unsent() noexcept {
  return {outbox_size(), worker_.engine().undelivered(*this)};
}

Task<> Session::linger() {
  const auto patience = worker_.linger();
  // The flush may take long with a slow reader; it is given up only when nothing moves.
  while (!fin_sent_) {
    const Unsent before = still_unsent();
    try {
      Sending flushed(finish());
      co_await within(patience, std::move(flushed));
    } catch (const IoError& error) {
      if (error.code() != std::errc::timed_out || still_unsent() == before) throw;
    }
  }
  if (peer_done_) co_return;
  auto drained = [](Session& session) -> Task<> {
    while (Chunk ignored = co_await session.receive()) {}
  };
  co_await within(worker_.linger(), drained(*this));  // A stop may have begun.
}

// A stream that lacks what was to come ends with a reset: FIN would say that it is whole.
void Session::release() noexcept {
  Engine& engine = worker_.engine();
  engine.unstage(*this);
  if (outbox_ != nullptr && send_error_ == 0) send_failed(ECONNRESET);
  const bool lacks = !fin_sent_ && (cut_ || send_error_ != 0);
  if (is_reset() || lacks) engine.reset_on_close(*this);
  engine.running().forget(*this);
  engine.close(*this);
}

void Session::closed() noexcept {
  if (outbox_ != nullptr) {
    outbox_->clear();
    outbox_let_go();
  }
  if (!is_client_) {
    Statistics& counters = base::counters;
    ++counters.closed;
    ++(timed_out_ != TimedOut::no ? counters.timed_out
       : cut_                     ? counters.cut
       : failed_                  ? counters.failed
                                  : counters.ended);
  }
  if (held_) {
    gone_ = true;
    mark_reset();
    send_error_ = ECONNRESET;
  }
  worker_.session_closed(*this);
}

void Session::close_client() noexcept {
  held_ = false;
  if (gone_) {
    delete this;
  } else if (!ending_) {
    if (receive_.pending())
      misuse("a Client was closed while a receive() waits", "Client::close");
    end();
  }
}

bool Session::is_here() const noexcept { return gone_ || worker_.is_current(); }

void Session::end_held() noexcept {
  if (held_ && !ending_) end();
}

// One that was reset may have lost its worker.
inline bool Session::start_receive(std::coroutine_handle<> awaiting, Scope& scope) noexcept {
  if (at_hand_ != AtHand::nothing) [[unlikely]]
    return try_receive(awaiting, scope);
  Engine& engine = worker_.engine();
  // One that was called off has heard nothing: the client's silence goes on.
  if (receive_.result != -ECANCELED) receive_.since = static_cast<std::uint16_t>(engine.tick());
  if (!engine.park_receive(*this, receive_)) [[unlikely]]
    return try_receive(awaiting, scope);
  receive_.suspend(awaiting, scope);
  return true;
}

bool Session::try_receive(std::coroutine_handle<> awaiting, Scope& scope) noexcept {
  if (at_hand_ != AtHand::nothing) return receive_at_hand();
  if (receive_.pending()) misuse(second_receive, "Connection::receive");
  if (worker_.engine().start(receive_)) return false;
  receive_.suspend(awaiting, scope);
  return true;
}

inline Chunk Session::take_received() {
  if (receive_.result <= 0 || !heard_anew_) [[unlikely]]
    return take_otherwise();
  return chunk_received();
}

inline Chunk Session::chunk_received() noexcept {
  Buffer& buffer = *receive_.buffer;
  const auto size = static_cast<std::size_t>(receive_.result);
  ++base::counters.receives;
  base::counters.bytes_received += size;
  return Chunk(buffer.data + buffer.begin, size, &buffer);
}

// No bytes, or the first since idle() asked; where somebody witnesses, each is like the first.
Chunk Session::take_otherwise() {
  if (receive_.result <= 0) return take_end();
  heard_ = true;
  heard_anew_ = !is_witnessed();
  witnessed_anew_ = is_witnessed();
  Chunk chunk = chunk_received();
  if (is_witnessed()) worker_.plan().witness->got(*this, chunk.bytes());
  return chunk;
}

Chunk Session::take_end() {
  if (receive_.result < 0) {
    const int error = timed_out_ != TimedOut::no ? ETIMEDOUT
                      : is_reset()               ? ECONNRESET
                                                 : -receive_.result;
    throw IoError(error, "receive");
  }
  peer_done_ = true;
  if (is_witnessed()) worker_.plan().witness->got_end(*this);
  if (base::planted(base::Mutant::half_close_is_close)) send_error_ = EPIPE;
  return Chunk();
}

bool Receive::start(std::coroutine_handle<> awaiting, Scope& scope) noexcept {
  return Session::of(connection_).start_receive(awaiting, scope);
}

Chunk Receive::await_resume() { return Session::of(connection_).take_received(); }

void Session::reset() noexcept {
  if (is_reset()) return;
  tell_given_up();
  mark_reset();
  worker_.engine().unstage(*this);
  if (outbox_ != nullptr && send_error_ == 0) send_failed(ECONNRESET);
  if (send_error_ == 0) send_error_ = ECONNRESET;
  if (receive_.pending()) receive_.cancel();
}

void Session::tell_given_up() noexcept {
  if (is_witnessed()) worker_.plan().witness->gave_up(*this);
}

}  // namespace weir::detail
