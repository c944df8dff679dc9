// task.h - Task<T>: the coroutine type of handlers and of everything they await.
//
//     weir::Task<int> add(weir::Connection& peer) { ... co_return 3; }
//     int three = co_await add(peer);
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <weir/misuse.h>
#include <weir/scope.h>

namespace weir {

template <class T = void>
class Task;

namespace detail {

/// Memory for coroutine frames: a free list a thread and size class, so that a warm server
/// allocates nothing for a request. Throws std::bad_alloc. May be freed on any thread.
void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

/// Whoever wants to know that a task has ended.
class Waiter {
 public:
  virtual void done() noexcept = 0;

 protected:
  Waiter() = default;
  ~Waiter() = default;
};

class PromiseBase {
 public:
  // A task that ends while its awaiter is still inside await_suspend() has no waiter yet: the
  // awaiter sees it done and goes on without suspending. That is why a million awaits that end
  // at once need no stack, at -O0 too, where symmetric transfer would nest.
  struct FinalSuspend {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      // The waiter may destroy this frame, so nothing of it is touched after the call.
      if (Waiter* told = self.promise().waiter) told->done();
    }
    void await_resume() const noexcept {}
  };

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalSuspend final_suspend() const noexcept { return {}; }
  // Kept by the scope, a pointer less for each frame: whoever awaits takes it before anything
  // else runs in that scope.
  void unhandled_exception() noexcept { scope->keep_exception(std::current_exception()); }

  Scope* scope = nullptr;
  Waiter* waiter = nullptr;
};

template <class T>
class Promise final : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T result() {
    scope->rethrow_kept();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void result() { scope->rethrow_kept(); }
};

/// The coroutine types whose co_await Weir can park: those whose promise knows its Scope.
template <class P>
concept HasScope = requires(P& promise) {
  { promise.scope } -> std::convertible_to<Scope*>;
};

}  // namespace detail

/// A coroutine that yields a T. It starts when it is awaited, runs on the awaiter's thread and
/// in its scope, and is destroyed, with all that it owns, when the Task is.
///
/// An exception that leaves the coroutine is rethrown at the `co_await`. A Task is awaited once;
/// a second time, or when it is empty, ends the process.
/// Parameters are copied into the coroutine, references as references: what they refer to must
/// live until the Task has ended or is destroyed.
///
/// g++ 12 miscompiles a co_await that stands right in the condition of an if, while or switch:
/// the coroutine may then never go on, or crash. Name the result first:
///     const bool more = co_await next();   // not: if (co_await next())
///     if (more) ...
/// A declaration in the condition is safe: `while (auto line = co_await reader.until("\n", 80))`.
/// Nor may a capturing lambda or a braced temporary stand in a co_await expression: name it, too.
template <class T>
class [[nodiscard("a Task does nothing until it is awaited")]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  /// Empty: good for nothing but being assigned to.
  Task() noexcept = default;
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, {});
    }
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  class Awaiter final : detail::Waiter {
   public:
    explicit Awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    bool await_ready() const noexcept { return false; }
    template <detail::HasScope P>
    bool await_suspend(std::coroutine_handle<P> awaiting) noexcept {
      awaiting_ = awaiting;
      begin(frame_, *awaiting.promise().scope);
      if (frame_.done()) return false;
      frame_.promise().waiter = this;
      return true;
    }
    T await_resume() { return frame_.promise().result(); }

   private:
    void done() noexcept override { awaiting_.resume(); }

    std::coroutine_handle<promise_type> frame_;
    std::coroutine_handle<> awaiting_;
  };
  Awaiter operator co_await() && noexcept { return Awaiter(frame_); }
  template <class Never = void>
  Awaiter operator co_await() & noexcept {
    static_assert(!std::is_void_v<Never>,
                  "a Task is awaited once, and then is of no use: co_await std::move(task)");
    return Awaiter(frame_);
  }

  /// For those who start a task themselves (sessions, when_any): runs it in `scope` until its
  /// first wait and returns whether it has ended already; if not, `waiter` is told when it has.
  bool start(detail::Scope& scope, detail::Waiter& waiter) noexcept {
    begin(frame_, scope);
    if (frame_.done()) return true;
    frame_.promise().waiter = &waiter;
    return false;
  }
  /// The value, or the exception, of a task that has ended. Requires: it has ended.
  T result() { return frame_.promise().result(); }

 private:
  friend promise_type;
  static void begin(std::coroutine_handle<promise_type> frame, detail::Scope& scope) noexcept {
    if (!frame || frame.promise().scope != nullptr) [[unlikely]]
      detail::misuse("a Task was awaited, run or spawned that is empty or had its turn already",
                     "Task");
    frame.promise().scope = &scope;
    frame.resume();
  }
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace weir
