// awaitable.h - what can be awaited, and turning any of it into a Task.
//
// Part of the engine room, for when_any, when_all and within.
#pragma once

#include <type_traits>
#include <utility>

#include <weir/task.h>

namespace weir::detail {

template <class A>
decltype(auto) awaiter_of(A&& awaitable) {
  if constexpr (requires { std::forward<A>(awaitable).operator co_await(); }) {
    return std::forward<A>(awaitable).operator co_await();
  } else {
    return std::forward<A>(awaitable);
  }
}

/// What `co_await` of an A yields.
template <class A>
using AwaitResult = std::remove_cvref_t<
    decltype(std::declval<std::remove_reference_t<decltype(awaiter_of(std::declval<A>()))>&>()
                 .await_resume())>;

template <class A>
Task<AwaitResult<A>> as_task(A awaitable) {
  co_return co_await std::move(awaitable);
}
template <class T>
Task<T> as_task(Task<T> task) noexcept {
  return task;
}

}  // namespace weir::detail
