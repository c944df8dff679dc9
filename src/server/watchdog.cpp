#include "server/watchdog.h"

#include <limits>

namespace weir::detail {

void Watchdog::attend(std::int64_t now) noexcept {
  const std::int64_t interval = server_.service.watchdog();
  if (interval == 0) return;
  if (roll_call_.open()) {
    if (!roll_call_.complete()) return;
    roll_call_.end();
    server_.service.alive(server_.status());
  }
  if (now < next_) return;
  next_ = now + interval / 2;
  roll_call_.begin(now);
}

std::int64_t Watchdog::deadline() const noexcept {
  const bool waits = server_.service.watchdog() == 0 || roll_call_.open();
  return waits ? std::numeric_limits<std::int64_t>::max() : next_;
}

}  // namespace weir::detail
