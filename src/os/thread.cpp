#include "os/thread.h"

#include <limits.h>

#include <algorithm>

#include "base/counters.h"

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
  const int error = pthread_create(&thread_, &attributes, main, this);
  pthread_attr_destroy(&attributes);
  return error;
}

void Thread::join() noexcept { pthread_join(thread_, nullptr); }

}  // namespace weir::os
