// completion_spin.cpp - how the completion engine looks for work before it sleeps.
#include <algorithm>

#include "engine/completion.h"

namespace weir::detail {

// The same rule as the readiness engine's: a spin in vain makes the next one shorter by half, down
// to none at all; one that finds something, or would have, brings it back.
void CompletionEngine::enter_and_spin(std::int64_t bound) noexcept {
  ring_.submit_and_wait(0, 0);
  if (ring_.has_work()) return;
  const std::int64_t spin = options_.spin_before_sleep;
  const std::int64_t began = now();
  if (spin_until(began + (spin >> std::min(vain_spins_, 20u))))
    return ring_.submit_and_wait(0, 0);
  ring_.submit_and_wait(1, bound);
  if (ring_.has_work() && now() - began < spin)
    vain_spins_ = 0;  // A whole one would have found it.
}

// Looks at what the kernel shows in shared memory. An enter for each look would cost a system call,
// and find nothing but what is shown.
bool CompletionEngine::spin_until(std::int64_t give_up) noexcept {
  constexpr unsigned looks_a_clock = 16;
  do {
    for (unsigned i = 0; i < looks_a_clock; ++i) {
      if (ring_.has_work() || waker_.woken()) {
        vain_spins_ = 0;
        return true;
      }
    }
  } while (now() < give_up);
  ++vain_spins_;
  return false;
}

}  // namespace weir::detail
