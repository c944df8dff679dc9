// stopping.cpp - a session's side of a stop: whether it is idle, and how it is cut.
#include "session/session.h"
#include "session/worker.h"

namespace weir::detail {

// Without ticks everybody has; a worker that stops keeps them.
bool Session::has_lasted(std::uint16_t since) const noexcept {
  const Engine& engine = worker_.engine();
  if (!engine.is_ticking()) return true;
  constexpr std::uint32_t enough = (quiet_ns + Engine::tick_ns - 1) / Engine::tick_ns;
  const std::uint32_t lasted = static_cast<std::uint16_t>(engine.tick() - since);
  return lasted >= enough + engine.tick_errors().within(enough);
}

bool Session::is_silent() const noexcept { return has_lasted(receive_.since); }
bool Session::has_rested() const noexcept { return is_silent() && has_lasted(sent_at); }

// Something was sent no earlier than the client was last heard, as far as ticks can tell.
bool Session::is_answered() const noexcept {
  const Engine& engine = worker_.engine();
  const auto since = [now = engine.tick()](std::uint16_t then) {
    return static_cast<std::uint16_t>(now - then);
  };
  constexpr unsigned moved = 1;  // Between the turn that sent and the one that waits anew.
  return since(sent_at) <= since(receive_.since) + moved;
}

bool Session::idle() noexcept {
  const bool heard_anew = heard_anew_ || witnessed_anew_;
  heard_anew_ = witnessed_anew_ = false;
  return may_end(heard_ && !heard_anew && is_answered());
}

bool Session::owes_nothing() noexcept { return may_end(!heard_ || is_answered()); }

// What is unread is asked last: it costs a system call, and a stop looks at everybody, often.
bool Session::may_end(bool is_settled) noexcept {
  bool rests = false;
  switch (waits_for()) {
    case WaitsFor::client: rests = is_settled || has_rested(); break;
    case WaitsFor::others: rests = is_silent() && (!heard_ || is_answered()); break;
    case WaitsFor::service: break;
  }
  return rests && worker_.engine().unread(*this) == 0;
}

Session::WaitsFor Session::waits_for() const noexcept {
  const unsigned awaited = scope_.awaits(receive_);
  // Of a header that has begun the rest is on its way.
  const bool receives = introducing_ ? !heard_ : (awaited & awaits_client) != 0;
  const bool is_quiet = receives && (awaited & awaits_service) == 0 && receive_.pending() &&
                        outbox_ == nullptr && !has_children_ && !lingering_;
  if (!is_quiet) return WaitsFor::service;
  return (awaited & awaits_others) == 0 || introducing_ ? WaitsFor::client : WaitsFor::others;
}

void Session::cut() noexcept {
  tell_given_up();
  // A client's connection ends with its owner; one that lingers counts by what it lost.
  if (!lingering_) cut_ = !is_client_;
  scope_.cancel();
}

}  // namespace weir::detail
