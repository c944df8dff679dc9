// operation.h - one pending accept, receive, send, connect or wait.
//
// Part of the engine room: the awaiters that handlers use are built on it (see src/engine).
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include <weir/scope.h>

namespace weir {
struct Endpoint;
}

namespace weir::detail {

class Buffer;
class Worker;
struct Socket;

/// A place in a doubly linked ring. Whoever is not linked points at itself.
struct Link {
  Link* next = this;
  Link* previous = this;

  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  bool linked() const noexcept { return next != this; }
  void unlink() noexcept {
    next->previous = previous;
    previous->next = next;
    next = previous = this;
  }
  void link_before(Link& position) noexcept {
    previous = position.previous;
    next = &position;
    previous->next = this;
    position.previous = this;
  }
};

/// What an engine executes. `start` it once, be told its `result` once by completed(), then it
/// may be started again. It must not move or be destroyed while it is pending, because lists,
/// and with io_uring the kernel, point at it. Cancelling is a request; only completed() frees.
class Operation : public Suspension, public Link {
 public:
  enum class Kind : std::uint8_t { accept, receive, send, connect, wait, event };
  /// idle: not started. parked: waits to be ready. runnable: to be attempted. ended: its result
  /// is set, completed() comes. in_kernel: the kernel holds it (io_uring).
  enum class State : std::uint8_t { idle, parked, runnable, ended, in_kernel };

  /// Called by the engine, from its turn, when the operation has ended.
  virtual void completed() noexcept = 0;
  /// Asks the engine of the current worker.
  void cancel() noexcept override;
  unsigned awaits(const Suspension& own) const noexcept override;

  bool pending() const noexcept { return state != State::idle; }
  /// Of the two directions of a socket: this one, or sending and connecting.
  bool receives() const noexcept { return kind <= Kind::receive; }

  /// accept, receive, send, connect: on what.
  Socket* socket = nullptr;
  union {
    Buffer* buffer = nullptr;  ///< receive: the lease with the bytes. send: the first piece.
    const Endpoint* address;   ///< connect: the peer.
    std::int64_t deadline;     ///< wait: when to end, in ns of the engine's clock.
  };
  /// The accepted descriptor, the bytes received or sent, 0, or -errno.
  std::int32_t result = 0;
  Kind kind;
  State state = State::idle;
  /// For whoever started it: when that was, in ticks (Engine::tick), to 16 bits.
  std::uint16_t since = 0;

 protected:
  explicit Operation(Kind what) noexcept : kind(what) {}
  ~Operation() = default;
};

/// An operation that a coroutine awaits.
class CoroutineOperation : public Operation {
 public:
  explicit CoroutineOperation(Kind what) noexcept : Operation(what) {}

  /// Notes who waits. Call it right after start() has said that the operation is pending.
  template <class P>
  void suspend(std::coroutine_handle<P> awaiting) noexcept {
    suspend(awaiting, *awaiting.promise().scope);
  }
  void suspend(std::coroutine_handle<> awaiting, Scope& scope) noexcept {
    awaiting_ = awaiting;
    scope_ = &scope;
    scope.suspend(*this);
  }
  void completed() noexcept override {
    scope_->resume();
    awaiting_.resume();
  }

 protected:
  ~CoroutineOperation() = default;
  /// The same for an operation without a socket.
  void completed_elsewhere() noexcept {
    note_running(*scope_);
    CoroutineOperation::completed();
  }

 private:
  std::coroutine_handle<> awaiting_;
  Scope* scope_ = nullptr;
};

/// Starts `operation` on the engine of the worker that runs on this thread. True: it has ended
/// already. Requires: a worker runs here, that is, the caller is a handler or inside run().
bool start(Operation& operation);

}  // namespace weir::detail
