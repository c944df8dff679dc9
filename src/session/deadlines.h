// deadlines.h - the deadlines of connections: a timing wheel that visits each session seldom.
//
// A request stores a tick, and nothing else. The wheel holds every session of a worker in one of
// its slots, in the link that a worker needs anyway to find them. When a slot's time has come its
// sessions are asked what their earliest deadline is by now, and filed anew. So a deadline costs
// an idle connection six bytes and a visit a minute, and a busy one no more.
#pragma once

#include <chrono>
#include <cstdint>

#include <weir/options.h>

#include "base/list.h"
#include "base/list_array.h"

namespace weir::detail {

class Session;

enum class TimedOut : std::uint8_t {
  no,
  first_byte,
  idle,
  receive,
  send,
  connection,
  linger,
  proxy
};

/// The deadlines of Options in the engine's ticks; 0: off. Rounded up, and one more, because a
/// moment lies somewhere in its tick.
struct DeadlineTicks {
  explicit DeadlineTicks(const Options& options) noexcept;

  std::uint32_t first_byte, idle, receive, send, connection;
  /// When to look again at the latest: the shortest of them, and four times in `send`, during which
  /// the peer's progress shows only to who looks. 0: all are off.
  std::uint32_t least = 0;
};

class Deadlines {
 public:
  /// Visits `session` in `ticks` ticks, or sooner.
  void file(Session& session, std::uint32_t ticks) noexcept;
  /// Visits those whose time has come, by `visit(session)`, which returns in how many ticks it is
  /// to be visited again.
  template <class Visit>
  void advance(std::uint32_t now, Visit visit);
  void start(std::uint32_t now) noexcept { now_ = now; }
  /// In how many ticks there is somebody to visit; at most so many that a look is due anyway.
  std::uint32_t next() noexcept;

  template <class Visit>
  void for_each(Visit visit) {
    slots_.for_each(visit);
  }

 private:
  static constexpr std::uint32_t groups = 16, group = 16, count = groups * group;

  std::uint32_t now_ = 0;
  base::ListArray<Session, groups, group> slots_;
};

template <class Visit>
void Deadlines::advance(std::uint32_t now, Visit visit) {
  // After a long stop each slot is visited once.
  if (now - now_ > count) now_ = now - count;
  while (now_ != now) {
    ++now_;
    base::List<Session> due;
    if (!slots_.empty(now_ % count)) due.append(slots_[now_ % count]);
    while (!due.empty()) {
      Session& session = due.pop_front();
      file(session, visit(session));
    }
  }
}

}  // namespace weir::detail
