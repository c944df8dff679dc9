#include "os/thread.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/counters.h"
#include "base/sanitizers.h"
#include "os/tap.h"

namespace weir::os {

int Thread::start(std::size_t stack, void (*body)(void*) noexcept, void* argument) noexcept {
  ++base::counters.calls_other;
  body_ = body;
  argument_ = argument;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack != 0) {
    const auto least = static_cast<std::size_t>(PTHREAD_STACK_MIN);
    pthread_attr_setstacksize(&attributes, std::max(stack, least));
  }
  const auto main = [](void* self) -> void* {
    const Thread& thread = *static_cast<Thread*>(self);
    thread.body_(thread.argument_);
    return nullptr;
  };
  // It returns its error; system_call() knows errno.
  int error = 0;
  const auto create = [&](std::size_t /*stack*/) {
    errno = pthread_create(&thread_, &attributes, main, this);
    return errno == 0 ? 0 : -1;
  };
  if (system_call(CallKind::pthread_create, create, stack) != 0) error = errno;
  pthread_attr_destroy(&attributes);
  return error;
}

void Thread::join() noexcept {
  const auto join = [this] { return pthread_join(thread_, nullptr) == 0 ? 0 : -1; };
  system_call(CallKind::pthread_join, join);
}

// Sanitizers report from whatever thread they are on.
void give_up_descriptors() noexcept {
  if constexpr (base::address_sanitizer || base::thread_sanitizer) return;
  ++base::counters.calls_other;
  constexpr unsigned first = 0, last = ~0U;
  constexpr int unshare = CLOSE_RANGE_UNSHARE;
  system_call(CallKind::close_range, ::close_range, first, last, unshare);
}

}  // namespace weir::os
