#include "server/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <new>

#include "os/clock.h"
#include "os/signals.h"

namespace weir::detail {
namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

// A worker that dies sooner than this after its start has died quickly. The first time it is
// replaced at once all the same; then the pause doubles, up to the longest.
constexpr std::int64_t quick = 250 * millisecond;
constexpr std::int64_t shortest_pause = 50 * millisecond;
constexpr std::int64_t longest_pause = 5'000 * millisecond;
// A worker whose handler does not return is not waited for.
constexpr std::int64_t patience = 2'000 * millisecond;
// How long the kernel may need to take down the ring of a worker that was killed; seen: 3.4 s.
constexpr std::int64_t ring_lingers = 10'000 * millisecond;
constexpr std::int64_t looking_interval = 100 * millisecond;
// Where the kernel does not tell of a child's end, one has to ask.
constexpr std::int64_t asking_interval = 20 * millisecond;

std::int64_t pause_after(unsigned quick_deaths) noexcept {
  if (quick_deaths < 2) return 0;
  return std::min(longest_pause, shortest_pause << std::min(quick_deaths - 2, 10u));
}

}  // namespace

void Supervisor::run() {
  for (;;) {
    now_ = os::monotonic_clock().now();
    server_.bell->clear();
    attend();
    if (all_ended()) return;
    wait_for_news();
  }
}

bool Supervisor::all_ended() const noexcept {
  if (!server_.processes()) {
    return std::ranges::all_of(server_.members,
                               [](const Member& each) { return each.ended.load(); });
  }
  return server_.stopping() && std::ranges::none_of(server_.members, [](const Member& each) {
           return each.process.running();
         });
}

void Supervisor::attend() {
  reap();
  if (server_.stopping()) {
    pass_stop_on();
  } else {
    replace();
    look_again();
  }
  if (server_.ledger->take_restart()) handover_.begin(now_);
  handover_.attend(now_);
  watchdog_.attend(now_);
  if (server_.report_asked.exchange(false)) roll_call_.begin(now_);
  if (roll_call_.ended(now_) && server_.on_statistics != nullptr) {
    if (!roll_call_.complete()) {
      server_.say_made(LogLevel::warning, [this] {
        return fmt::format(
            "statistics: no answer from worker {} in time; what is shown of it is "
            "what it last showed",
            roll_call_.silent());
      });
    }
    server_.on_statistics(server_.server, server_.statistics());
  }
}

// --- worker processes ------------------------------------------------------------------------

void Supervisor::reap() noexcept {
  for (Member& member : server_.members) {
    os::Ending ending;
    if (member.process.reap(ending)) died(member, ending);
  }
}

void Supervisor::died(Member& member, const os::Ending& ending) noexcept {
  member.failed = ending.code != 0;
  const bool killed = ending.signal != 0 || !ending.known;
  if (server_.stopping() && !killed) return;
  const std::uint64_t lost =
      server_.ledger->retire(member.plan.index, server_.room->forget(member.plan.index));
  if (server_.stopping()) {
    server_.lost_in_stop += lost;
    return;
  }
  if (server_.chosen.model == Model::io_uring) {
    look_again_at_ = now_;
    look_again_until_ = now_ + ring_lingers;
  }
  member.quick_deaths = now_ - member.started_at < quick ? member.quick_deaths + 1 : 0;
  const std::int64_t pause = pause_after(member.quick_deaths);
  member.start_again_at = now_ + pause;
  server_.say_made(pause == 0 ? LogLevel::warning : LogLevel::error, [&] {
    const std::string what = fmt::format("worker {} (process {}) {}", member.plan.index,
                                         member.process_id, described(ending));
    if (pause == 0) return what + "; it is replaced";
    return fmt::format("{}, {} times in a row right after its start; it is replaced in {} ms",
                       what, member.quick_deaths, pause / millisecond);
  });
}

void Supervisor::replace() noexcept {
  for (Member& member : server_.members) {
    if (member.start_again_at < 0 || member.start_again_at > now_) continue;
    try {
      server_.start_process(member);
    } catch (const std::exception& error) {
      member.start_again_at = now_ + shortest_pause;
      server_.say_made(LogLevel::error, [&error] { return error.what(); });
    }
  }
}

// On io-uring the kernel takes the ring of a process that was killed down late, and until then may
// tell it, and nobody else, of a client. So those who are left look into the backlog.
void Supervisor::look_again() noexcept {
  if (look_again_at_ < 0 || now_ < look_again_at_) return;
  look_again_at_ = now_ < look_again_until_ ? now_ + looking_interval : -1;
  RollCall(server_).begin(now_);  // Nobody waits for the answers.
}

// --- stopping --------------------------------------------------------------------------------

void Supervisor::pass_stop_on() noexcept {
  server_.service.stopping();
  server_.close_listeners();
  if (!server_.processes()) return;
  const std::int64_t drain = server_.ledger->stop_drain();
  if (drain != passed_on_) {
    passed_on_ = drain;
    for (const Member& member : server_.members) {
      member.process.ask(drain == 0 ? os::How::cut : os::How::drain);
    }
    kill_at_ = now_ + drain + patience;
  }
  if (now_ >= kill_at_) {
    for (const Member& member : server_.members) member.process.ask(os::How::kill);
  }
}

// --- sleeping --------------------------------------------------------------------------------

void Supervisor::wait_for_news() {
  entries_.clear();
  try {
    entries_.reserve(4 + server_.members.size());  // The bell, and three of a restart.
  } catch (const std::bad_alloc&) {                // Then one has to ask, too.
    os::PollEntry bell{server_.bell->fd(), os::poll_readable, 0};
    os::poll(&bell, 1, asking_interval);
    return;
  }
  entries_.push_back({server_.bell->fd(), os::poll_readable, 0});
  std::int64_t until = next_deadline();
  for (const Member& member : server_.members) {
    if (!member.process.running()) continue;
    if (member.process.fd() < 0) until = std::min(until, now_ + asking_interval);
    entries_.push_back({member.process.fd(), os::poll_readable, 0});
  }
  handover_.wait_for(entries_);
  if (handover_.needs_asking()) until = std::min(until, now_ + asking_interval);
  const std::int64_t bound = until == never ? -1 : std::max<std::int64_t>(until - now_, 0);
  os::poll(entries_.data(), entries_.size(), bound);
}

std::int64_t Supervisor::next_deadline() const noexcept {
  std::int64_t next = std::min(handover_.deadline(), watchdog_.deadline());
  if (kill_at_ > now_) next = std::min(next, kill_at_);
  if (roll_call_.open()) next = std::min(next, roll_call_.deadline());
  if (server_.stopping()) return next;  // What follows is not attended to any more.
  if (look_again_at_ >= 0) next = std::min(next, look_again_at_);
  for (const Member& member : server_.members) {
    if (member.start_again_at >= 0) next = std::min(next, member.start_again_at);
  }
  return next;
}

}  // namespace weir::detail
