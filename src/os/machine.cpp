#include "os/machine.h"

#include <sys/random.h>

#include "os/tap.h"

namespace weir::os {
std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  // Eight bytes are never cut short or interrupted once the kernel has entropy (getrandom(2)).
  const ssize_t got = system_call(CallKind::getrandom, ::getrandom, &seed, sizeof seed, 0u);
  if (got != sizeof seed) seed = 0x9e3779b97f4a7c15;
  return seed;
}

}  // namespace weir::os
