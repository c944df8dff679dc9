// thread.h - a thread with a stack of a chosen size (std::thread has no say in that).
#pragma once

#include <pthread.h>

#include <cstddef>

namespace weir::os {

class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  /// Runs `body(argument)`. 0, or a positive errno (pthread_create(3)). `stack` 0: the default.
  int start(std::size_t stack, void (*body)(void*) noexcept, void* argument) noexcept;
  /// Requires: it was started.
  void join() noexcept;

 private:
  pthread_t thread_{};
  void (*body_)(void*) noexcept = nullptr;
  void* argument_ = nullptr;
};

/// The calling thread has no descriptors any more, not even stderr; the others keep theirs. They
/// are then all who use the process's table, and if that is one thread, the kernel need not count
/// its references to what it calls upon (fdget()). No effect on a kernel without close_range(2)
/// (before 5.9).
void give_up_descriptors() noexcept;

}  // namespace weir::os
