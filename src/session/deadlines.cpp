#include "session/deadlines.h"

#include <algorithm>

#include "engine/engine.h"
#include "session/session.h"

namespace weir::detail {
namespace {

std::uint32_t in_ticks(std::chrono::milliseconds duration) noexcept {
  if (duration.count() == 0) return 0;
  const std::int64_t ns = std::chrono::nanoseconds(duration).count();
  return static_cast<std::uint32_t>((ns + Engine::tick_ns - 1) / Engine::tick_ns + 1);
}

}  // namespace

DeadlineTicks::DeadlineTicks(const Options& options) noexcept
    : first_byte(in_ticks(options.first_byte)),
      idle(in_ticks(options.idle)),
      receive(in_ticks(options.receive)),
      send(in_ticks(options.send)),
      connection(in_ticks(options.connection)) {
  const std::uint32_t part_of_send = (send + 3) / 4;
  for (const std::uint32_t each : {first_byte, idle, receive, part_of_send, connection}) {
    if (each != 0) least = least == 0 ? each : std::min(least, each);
  }
}

// Who has much time yet is visited sooner, together with others: each slot that holds somebody
// ends a sleep.
void Deadlines::file(Session& session, std::uint32_t ticks) noexcept {
  constexpr std::uint32_t much = 32, together = 16;
  const std::uint32_t ahead = std::clamp<std::uint32_t>(ticks, 1, count - 1);
  std::uint32_t when = now_ + ahead;
  if (ahead >= much) when -= when % together;
  slots_[when % count].push_back(session);
}

std::uint32_t Deadlines::next() noexcept {
  std::uint32_t ahead = 1;
  while (ahead < count - 1 && slots_.empty((now_ + ahead) % count)) ++ahead;
  return ahead;
}

}  // namespace weir::detail
