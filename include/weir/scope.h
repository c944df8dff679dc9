// scope.h - cancelling: how one line of execution is told to give up what it waits for.
//
// Part of the engine room. A handler meets it only through when_any, within and a server's stop.
#pragma once

#include <exception>
#include <new>
#include <utility>

namespace weir::detail {

/// Who can end a wait, as a set.
enum Awaited : unsigned {
  awaits_client = 1,   ///< the client of the connection that asks, by what it says
  awaits_others = 2,   ///< a timer, a message: nobody's work is held up
  awaits_service = 4,  ///< something that is being done: an answer, room to send
};

/// What a suspended coroutine waits for, as far as cancelling is concerned.
class Suspension {
 public:
  /// A set of Awaited. `own` is the receive of the connection that asks.
  virtual unsigned awaits(const Suspension& own) const noexcept = 0;
  /// Asks that the wait end soon. Never resumes anything itself: the completion comes in a later
  /// turn, with operation_canceled or with the result that won the race.
  virtual void cancel() noexcept = 0;

 protected:
  Suspension() = default;
  Suspension(const Suspension&) = default;
  Suspension& operator=(const Suspension&) = default;
  ~Suspension() = default;
};

/// One line of execution: a handler, a spawned task, or a branch of when_any. A task that is
/// awaited runs in its awaiter's scope. Belongs to one thread.
class Scope {
 public:
  /// Where the line stands: a connection's handler, within another line, or by itself.
  enum class Place : unsigned char { alone, handler, inner };

  explicit Scope(Place place = Place::alone) noexcept : place_(place) {}
  ~Scope() {
    if (failed_) [[unlikely]]
      take_exception();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// Cancels what is waited for now and every later wait that would suspend. For good.
  void cancel() noexcept {
    cancelled_ = true;
    if (!failed_ && waits_for_ != nullptr) waits_for_->cancel();
  }
  bool cancelled() const noexcept { return cancelled_; }

  /// Says what the line waits for. A scope that is cancelled already cancels it at once.
  void suspend(Suspension& suspension) noexcept {
    waits_for_ = &suspension;
    if (cancelled_) suspension.cancel();
  }
  void resume() noexcept { waits_for_ = nullptr; }
  /// As new, for another line of execution. Requires: nothing waits.
  void renew() noexcept { cancelled_ = false; }
  /// What the line waits for; nothing, if it has ended or runs.
  unsigned awaits(const Suspension& own) const noexcept {
    return failed_ || waits_for_ == nullptr ? 0U : waits_for_->awaits(own);
  }
  Place place() const noexcept { return place_; }

  /// What left the task that has just ended in this line, until its awaiter takes it. Requires:
  /// nothing waits.
  void keep_exception(std::exception_ptr exception) noexcept {
    new (&exception_) std::exception_ptr(std::move(exception));
    failed_ = true;
  }
  void rethrow_kept() {
    if (failed_) [[unlikely]]
      std::rethrow_exception(take_exception());
  }

 private:
  std::exception_ptr take_exception() noexcept {
    std::exception_ptr taken = std::move(exception_);
    exception_.~exception_ptr();
    waits_for_ = nullptr;
    failed_ = false;
    return taken;
  }

  // A line that has failed does not wait, so the two share a place: there is one of them for each
  // idle connection.
  union {
    Suspension* waits_for_ = nullptr;
    std::exception_ptr exception_;
  };
  bool cancelled_ : 1 = false;
  bool failed_ : 1 = false;
  const Place place_ : 2;  // A byte for all: there is a scope in each connection.
};

/// A line of execution whose end another line waits for.
class InnerScope final : public Scope {
 public:
  InnerScope() noexcept : Scope(Place::inner) {}

  const Scope* outer = nullptr;  ///< That other line; nullptr: it is not known yet.
};

/// Says that this line goes on now, to whoever watches its worker (Options::stall_after). Where a
/// connection's own operation ends, the engine says so; this is for the others.
void note_running(const Scope& line) noexcept;

}  // namespace weir::detail
