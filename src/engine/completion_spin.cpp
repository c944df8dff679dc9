// completion_spin.cpp - how the completion engine looks for work before it sleeps.
#include "engine/completion.h"

namespace weir::detail {

// Looks at what the kernel shows in shared memory. An enter for each look would cost a system call,
// and find nothing but what is shown.
void CompletionEngine::enter_and_spin(std::int64_t bound) noexcept {
  ring_.submit_and_wait(0, 0);
  if (ring_.has_work()) return;
  const std::int64_t spin = options_.spin_before_sleep;
  const auto finds = [this] {
    constexpr unsigned looks_a_clock = 16;
    for (unsigned i = 0; i < looks_a_clock; ++i) {
      if (ring_.has_work() || waker_.woken()) return true;
    }
    return false;
  };
  if (spin_.finds_in(spin, [this] { return now(); }, finds)) return ring_.submit_and_wait(0, 0);
  ring_.submit_and_wait(1, bound);
  if (ring_.has_work()) spin_.found_asleep(spin, now());
}

}  // namespace weir::detail
