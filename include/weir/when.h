// when.h - waiting for several things at once: when_any, when_all.
//
//     auto [bytes, message] = co_await weir::when_any(peer.receive(), inbox.receive());
//     co_await weir::when_all(pump(client, server), pump(server, client));
//     co_await weir::when_all(std::move(as_many_tasks_as_there_are_shards));
#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <weir/awaitable.h>
#include <weir/error.h>
#include <weir/scope.h>
#include <weir/task.h>

namespace weir {

/// What an awaitable without a value yields in the result of when_any and when_all.
struct Done {};

namespace detail {

template <class A>
using BranchValue = std::conditional_t<std::is_void_v<AwaitResult<A>>, Done, AwaitResult<A>>;

template <class T>
std::conditional_t<std::is_void_v<T>, Done, T> value_of(Task<T>& task) {
  if constexpr (std::is_void_v<T>) {
    task.result();
    return Done{};
  } else {
    return task.result();
  }
}

/// Branches that run side by side in scopes of their own, and their end seen as one.
class Group : public Suspension {
 public:
  /// Requests that every branch end. Each is still awaited: a frame or buffer that is in use
  /// is never destroyed.
  void cancel() noexcept override;
  unsigned awaits(const Suspension& own) const noexcept override;

  bool await_ready() const noexcept { return false; }
  template <HasScope P>
  bool await_suspend(std::coroutine_handle<P> awaiting) noexcept {
    awaiting_ = awaiting;
    outer_ = awaiting.promise().scope;
    run();
    if (running_ == 0) return false;
    suspended_ = true;
    outer_->suspend(*this);
    return true;
  }

 protected:
  class Branch : public Waiter {
   public:
    /// Starts the branch; true when it has ended already.
    virtual bool start() noexcept = 0;
    virtual bool failed() noexcept = 0;
    void done() noexcept override { group->ended(*this); }

    Group* group = nullptr;
    Branch* next = nullptr;
    InnerScope scope;
    bool started = false;

   protected:
    ~Branch() = default;
  };

  template <class A>
  class BranchOf final : public Branch {
   public:
    explicit BranchOf(A awaitable) : task_(as_task(std::move(awaitable))) {}
    bool start() noexcept override { return task_.start(scope, *this); }
    bool failed() noexcept override {
      try {
        value_.emplace(value_of(task_));
        return false;
      } catch (...) {
        error_ = std::current_exception();
        return true;
      }
    }
    std::optional<BranchValue<A>>& value() noexcept { return value_; }
    const std::exception_ptr& error() const noexcept { return error_; }

   private:
    Task<AwaitResult<A>> task_;
    std::optional<BranchValue<A>> value_;
    std::exception_ptr error_;
  };

  /// `first_ends_all`: when_any; else when_all, where only a failure ends the others.
  explicit Group(bool first_ends_all) noexcept : first_ends_all_(first_ends_all) {}
  ~Group() = default;
  void add(Branch& branch) noexcept;
  void run() noexcept;
  template <class B>
  void rethrow_if_decisive(B& branch) {
    if (decisive_ == &branch && branch.error()) std::rethrow_exception(branch.error());
  }
  /// What a branch adds to the result: of when_any it may lack a value.
  template <bool FirstEndsAll, class B>
  static auto take_value(B& branch) {
    if constexpr (FirstEndsAll) {
      return std::move(branch.value());
    } else {
      return std::move(*branch.value());
    }
  }

 private:
  void ended(Branch& branch) noexcept;
  void note_end(Branch& branch) noexcept;

  Branch* first_ = nullptr;
  Branch** last_ = &first_;
  Branch* decisive_ = nullptr;  // The first to end (when_any), or to fail (when_all).
  std::size_t running_ = 0;
  bool first_ends_all_;
  bool suspended_ = false;
  Scope* outer_ = nullptr;
  std::coroutine_handle<> awaiting_;
};

template <bool FirstEndsAll, class... As>
class WhenAwaiter final : public Group {
 public:
  explicit WhenAwaiter(std::tuple<As...>&& awaitables)
      : WhenAwaiter(awaitables, std::index_sequence_for<As...>()) {}

  auto await_resume() {
    std::apply([this](auto&... each) { (this->rethrow_if_decisive(each), ...); }, branches_);
    return std::apply(
        [](auto&... each) { return std::tuple(Group::take_value<FirstEndsAll>(each)...); },
        branches_);
  }

 private:
  // The tuple makes its branches in place: a branch is pointed at, so it never moves.
  template <std::size_t... I>
  WhenAwaiter(std::tuple<As...>& awaitables, std::index_sequence<I...>)
      : Group(FirstEndsAll), branches_(std::move(std::get<I>(awaitables))...) {
    std::apply([this](auto&... each) { (this->add(each), ...); }, branches_);
  }

  std::tuple<BranchOf<As>...> branches_;
};

/// The branches, not started yet; may be moved, as into an outer when_any.
template <bool FirstEndsAll, class... As>
class [[nodiscard("does nothing until it is awaited")]] When final {
 public:
  explicit When(As... awaitables) : awaitables_(std::move(awaitables)...) {}
  WhenAwaiter<FirstEndsAll, As...> operator co_await() && {
    return WhenAwaiter<FirstEndsAll, As...>(std::move(awaitables_));
  }

 private:
  std::tuple<As...> awaitables_;
};

/// As many branches as the program has at run time, all of one kind.
template <bool FirstEndsAll, class A>
class WhenEachAwaiter final : public Group {
 public:
  explicit WhenEachAwaiter(std::vector<A>&& awaitables)
      : Group(FirstEndsAll), branches_(awaitables.size()) {
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      add(branches_[i].emplace(std::move(awaitables[i])));
    }
  }

  auto await_resume() {
    using Value = BranchValue<A>;
    std::vector<std::conditional_t<FirstEndsAll, std::optional<Value>, Value>> values;
    values.reserve(branches_.size());
    for (auto& branch : branches_) this->rethrow_if_decisive(*branch);
    for (auto& branch : branches_) values.push_back(take_value<FirstEndsAll>(*branch));
    return values;
  }

 private:
  // Optional, so that each is made in its place: a branch is pointed at, so it never moves.
  std::vector<std::optional<BranchOf<A>>> branches_;
};

/// The branches, not started yet, as When.
template <bool FirstEndsAll, class A>
class [[nodiscard("does nothing until it is awaited")]] WhenEach final {
 public:
  explicit WhenEach(std::vector<A> awaitables) : awaitables_(std::move(awaitables)) {}
  WhenEachAwaiter<FirstEndsAll, A> operator co_await() && {
    return WhenEachAwaiter<FirstEndsAll, A>(std::move(awaitables_));
  }

 private:
  std::vector<A> awaitables_;
};

}  // namespace detail

/// Runs the awaitables side by side until the first ends; the others are then cancelled and
/// awaited. They start in the order in which they stand; if one ends at once, those behind it do
/// not start, and neither do those behind one that has to wait in a handler that is cancelled
/// already: a farewell stands first. Yields a tuple of optionals, one for each awaitable (Done for
/// one without a value).
///
/// At least one optional is set. More than one may be, when several ended in the same turn:
/// nothing that was received is ever dropped, so look at each of them. If the first to end
/// ended by an exception, that is rethrown, and only then what others had in that turn is lost.
template <class... As>
  requires(sizeof...(As) > 0)
auto when_any(As... awaitables) {
  return detail::When<true, As...>(std::move(awaitables)...);
}

/// The same for as many as there are at run time, all of one type: yields a vector of optionals,
/// in the order of the awaitables. Of none it yields an empty vector, at once.
template <class A>
auto when_any(std::vector<A> awaitables) {
  return detail::WhenEach<true, A>(std::move(awaitables));
}

/// Runs the awaitables side by side until all have ended. Yields a tuple of their values (Done
/// for one without a value). If one fails, the others are cancelled and awaited, and its
/// exception is rethrown.
template <class... As>
auto when_all(As... awaitables) {
  return detail::When<false, As...>(std::move(awaitables)...);
}

/// The same for as many as there are at run time, all of one type: yields a vector of their
/// values, in the order of the awaitables.
template <class A>
auto when_all(std::vector<A> awaitables) {
  return detail::WhenEach<false, A>(std::move(awaitables));
}

}  // namespace weir
