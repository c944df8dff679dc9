#include "os/thread.h"

#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/counters.h"
#include "base/sanitizers.h"
#include "os/process.h"
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
bool give_up_descriptors() noexcept {
  if constexpr (base::address_sanitizer || base::thread_sanitizer) return false;
  ++base::counters.calls_other;
  constexpr unsigned first = 0, last = ~0U;
  constexpr int unshare = CLOSE_RANGE_UNSHARE;
  return system_call(CallKind::close_range, ::close_range, first, last, unshare) == 0;
}

Fd borrow_descriptor(int fd) noexcept {
  const Fd process = open_process(::getpid());
  if (!process) return {};
  ++base::counters.calls_other;
  const auto duplicate = [](int whose, int which, unsigned flags) {
    return static_cast<int>(::syscall(SYS_pidfd_getfd, whose, which, flags));
  };
  return Fd(system_call(CallKind::pidfd_getfd, duplicate, process.get(), fd, 0U));
}

bool may_borrow_descriptors() noexcept { return bool(borrow_descriptor(STDERR_FILENO)); }

Fd borrow_stderr() noexcept {
  const Fd borrowed = borrow_descriptor(STDERR_FILENO);
  if (!borrowed) return {};
  ++base::counters.calls_other;
  return Fd(system_call(CallKind::dup2, ::dup2, borrowed.get(), STDERR_FILENO));
}

}  // namespace weir::os
