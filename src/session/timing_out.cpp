// timing_out.cpp - a session's side of deadlines.
#include <algorithm>
#include <utility>

#include "base/counters.h"
#include "session/session.h"
#include "session/worker.h"

namespace weir::detail {

void Session::note_sent() noexcept {
  sent_at = static_cast<std::uint16_t>(worker_.engine().tick());
}

// The kernel asks for more only when a third of its buffer is free, which takes a slow reader long:
// that he goes on shows in what the kernel has in hand. What he took before the first look is not
// known, so that counts as something.
void Session::look_at_progress() noexcept {
  const std::size_t left = worker_.engine().undelivered(*this);
  if (left < outbox_->undelivered) note_sent();
  outbox_->undelivered = left;
}

// What does not hold now can hold from now on, so the next look is due after the shortest
// deadline at the latest. Nothing that a tick was noted of can have been before it; that it may
// have been later makes a deadline late, never early.
std::uint32_t Session::look_at_deadlines(const DeadlineTicks& limits) noexcept {
  constexpr std::uint32_t seldom = 1u << 20;
  if (is_client_ || lingering_ || timed_out_ != TimedOut::no || limits.least == 0) return seldom;
  const Engine& engine = worker_.engine();
  const std::uint32_t now = engine.tick();
  const auto ticks_since = [now](std::uint16_t then) {
    return std::uint32_t{static_cast<std::uint16_t>(now - then)};
  };
  TimedOut passed = TimedOut::no;
  std::uint32_t soonest = limits.least;
  const auto consider = [&](TimedOut kind, std::uint32_t limit, std::uint32_t elapsed) {
    if (limit == 0) return;
    const std::uint32_t due = limit + engine.tick_errors().within(limit);
    if (elapsed >= due) {
      passed = kind;
    } else {
      soonest = std::min(soonest, due - elapsed);
    }
  };
  const std::uint32_t units =
      ((now >> accepted_unit_bits) - accepted_at_) & ((1u << accepted_bits) - 1);
  // A unit of accepted_at_ had begun, not passed; it may have been its last tick.
  constexpr std::uint32_t begun = (1u << accepted_unit_bits) - 1;
  const std::uint32_t lived = units << accepted_unit_bits;
  consider(TimedOut::connection, limits.connection, lived - std::min(lived, begun));
  const bool has_unsent = outbox_ != nullptr && !outbox_->empty();
  if (has_unsent) look_at_progress();
  const std::uint32_t unsent = ticks_since(sent_at);
  if (receive_.pending()) {
    const std::uint32_t waited = ticks_since(receive_.since);
    consider(TimedOut::idle, limits.idle, std::min(waited, unsent));
    if (heard_) {
      consider(TimedOut::receive, limits.receive, waited);
    } else {
      consider(TimedOut::first_byte, limits.first_byte, waited);
    }
  }
  if (has_unsent) consider(TimedOut::send, limits.send, unsent);
  if (passed != TimedOut::no) time_out(passed);
  return soonest;
}

void Session::time_out(TimedOut kind) noexcept {
  timed_out_ = kind;
  tell_given_up();
  Statistics& counters = base::counters;
  switch (kind) {
    case TimedOut::first_byte: ++counters.timed_out_first_byte; break;
    case TimedOut::idle: ++counters.timed_out_idle; break;
    case TimedOut::receive: ++counters.timed_out_receive; break;
    case TimedOut::send: ++counters.timed_out_send; break;
    case TimedOut::connection: ++counters.timed_out_connection; break;
    case TimedOut::linger:  // Counted where the lingering ends;
    case TimedOut::proxy:   // and where the header is waited for.
    case TimedOut::no: break;
  }
  // A peer that takes nothing would not take a farewell either.
  if (kind == TimedOut::send) reset();
  scope_.cancel();
}

}  // namespace weir::detail
