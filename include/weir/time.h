// time.h - waiting for a while, and a deadline for any await.
//
//     using namespace std::chrono_literals;
//     weir::Chunk bytes = co_await weir::within(5s, peer.receive());
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <utility>

#include <weir/awaitable.h>
#include <weir/error.h>
#include <weir/operation.h>
#include <weir/task.h>

namespace weir {

namespace detail {

/// `duration` from now, in ns of this worker's clock: monotonic, virtual in a simulation.
std::int64_t deadline_after(std::chrono::nanoseconds duration) noexcept;

class SleepAwaiter final : CoroutineOperation {
 public:
  explicit SleepAwaiter(std::chrono::nanoseconds duration) noexcept
      : CoroutineOperation(Kind::wait), duration_(duration) {}
  bool await_ready() {
    deadline = deadline_after(duration_);
    return detail::start(*this);
  }
  template <HasScope P>
  void await_suspend(std::coroutine_handle<P> awaiting) noexcept {
    suspend(awaiting);
  }
  void await_resume() const {
    if (result < 0) throw IoError(-result, "sleep_for");
  }
  void completed() noexcept override { completed_elsewhere(); }

 private:
  std::chrono::nanoseconds duration_;
};

class [[nodiscard("sleep_for() does nothing until it is awaited")]] Sleep final {
 public:
  explicit Sleep(std::chrono::nanoseconds duration) noexcept : duration_(duration) {}
  SleepAwaiter operator co_await() const noexcept { return SleepAwaiter(duration_); }

 private:
  std::chrono::nanoseconds duration_;
};

/// A line of execution with a timer beside it. The timer is cancelled and awaited, too, before
/// the awaiter goes on: engines hold on to operations until they have completed.
class Deadline : public Suspension {
 public:
  Deadline() noexcept : waiter_(*this), timer_(*this) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  void cancel() noexcept override { inner_.cancel(); }
  /// The same as what the deadline is for.
  unsigned awaits(const Suspension& own) const noexcept override { return inner_.awaits(own); }

 protected:
  ~Deadline() = default;

  struct TaskEnd final : Waiter {
    explicit TaskEnd(Deadline& part_of) noexcept : whole(part_of) {}
    void done() noexcept override { whole.task_ended(); }
    Deadline& whole;
  };
  struct Timer final : Operation {
    explicit Timer(Deadline& part_of) noexcept : Operation(Kind::wait), whole(part_of) {}
    void completed() noexcept override { whole.timer_ended(); }
    Deadline& whole;
  };

  Scope& inner() noexcept { return inner_; }
  Waiter& waiter() noexcept { return waiter_; }
  bool expired() const noexcept { return expired_; }
  /// The task has not ended at once: sets the timer and waits for both.
  void wait(std::chrono::nanoseconds duration, std::coroutine_handle<> awaiting, Scope& outer);

 private:
  void task_ended() noexcept;
  void timer_ended() noexcept;
  void resume() noexcept;

  InnerScope inner_;
  TaskEnd waiter_;
  Timer timer_;
  bool task_runs_ = false;
  bool expired_ = false;
  Scope* outer_ = nullptr;
  std::coroutine_handle<> awaiting_;
};

[[noreturn]] void throw_timed_out();

template <class A>
class WithinAwaiter final : public Deadline {
 public:
  WithinAwaiter(std::chrono::nanoseconds duration, A&& awaitable)
      : task_(as_task(std::move(awaitable))), duration_(duration) {}

  bool await_ready() const noexcept { return false; }
  template <HasScope P>
  bool await_suspend(std::coroutine_handle<P> awaiting) {
    if (task_.start(inner(), waiter())) return false;
    wait(duration_, awaiting, *awaiting.promise().scope);
    return true;
  }
  AwaitResult<A> await_resume() {
    try {
      return task_.result();
    } catch (const IoError& error) {
      if (expired() && error.code() == std::errc::operation_canceled) throw_timed_out();
      throw;
    }
  }

 private:
  Task<AwaitResult<A>> task_;
  std::chrono::nanoseconds duration_;
};

template <class A>
class [[nodiscard("within() does nothing until it is awaited")]] Within final {
 public:
  Within(std::chrono::nanoseconds duration, A awaitable)
      : awaitable_(std::move(awaitable)), duration_(duration) {}
  WithinAwaiter<A> operator co_await() && {
    return WithinAwaiter<A>(duration_, std::move(awaitable_));
  }

 private:
  A awaitable_;
  std::chrono::nanoseconds duration_;
};

}  // namespace detail

/// The worker's clock: time since some fixed moment. Monotonic; virtual in a simulation. Read anew
/// by each call. From handlers and inside run(); anywhere else it ends the process.
inline std::chrono::nanoseconds now() noexcept {
  return std::chrono::nanoseconds(detail::deadline_after(std::chrono::nanoseconds(0)));
}

/// Waits. Zero or less gives the other sessions a turn. Precision: about a millisecond.
/// Throws IoError(operation_canceled) when cancelled.
inline detail::Sleep sleep_for(std::chrono::nanoseconds duration) noexcept {
  return detail::Sleep(duration);
}

/// Awaits `awaitable`, a Task or whatever else can be awaited, for at most `duration`; then
/// cancels it, awaits its end and throws IoError(timed_out). A result that comes in that last
/// moment wins over the deadline: nothing received is lost.
template <class A>
detail::Within<A> within(std::chrono::nanoseconds duration, A awaitable) {
  return detail::Within<A>(duration, std::move(awaitable));
}

}  // namespace weir
