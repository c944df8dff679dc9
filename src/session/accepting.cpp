// accepting.cpp - a worker's side of accepting: who is served, who waits, who is refused.
#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "base/counters.h"
#include "base/mutants.h"
#include "session/admission.h"
#include "session/worker.h"

namespace weir::detail {
namespace {

constexpr std::int64_t tick_ns = 20'000'000;

}  // namespace

std::size_t Worker::open() noexcept {
  return open_ + (placement_ != nullptr ? placement_->open() : 0);
}

inline bool Worker::has_room() noexcept {
  if (!waiting_.empty() || served() >= plan_.connections_max) return false;
  if (options().overload == Overload::reject) return true;
  const bool full = room_.limits().workers == 1
                        ? room_.full()
                        : room_.full_beside_kept(room_index_, engine_.now());
  return !full && !room_.memory().scarce();
}

// Most often whoever comes leaves room for the next one, and nothing changes.
inline bool Worker::is_balanced() noexcept {
  return waiting_.empty() && !paused_ && drain_ < 0 && has_room();
}

void Worker::accepted(int fd, bool is_tcp) noexcept {
  Arrival arrival{fd, is_tcp};
  if (!engine_.regain_reserve()) {
    ++base::counters.refused_descriptors;
    engine_.discard(fd);
    engine_.regain_reserve();
    return balance();
  }
  if (cutting_) {  // It was on its way here when the listener was closed.
    ++base::counters.refused_full;
    return engine_.discard(fd);
  }
  if (asks_for_source() && !let_in(arrival)) {
    ++base::counters.refused_network;
    engine_.discard(fd);
    return balance();
  }
  const Obstacle obstacle = try_to_serve(arrival);
  if (obstacle != Obstacle::none) hold_or_refuse(arrival, obstacle);
  if (!is_balanced()) balance();
  engine_.flush_begun();
}

// Whether something depends on where a connection comes from.
inline bool Worker::asks_for_source() const noexcept {
  return plan_.admission != nullptr || room_.limits().per_address != 0;
}

// By where it comes from, which is asked once.
bool Worker::let_in(Arrival& arrival) noexcept {
  Endpoint source;
  source.family = Endpoint::Family::unix_socket;
  if (arrival.is_tcp) source = engine_.peer_of(arrival.fd);
  if (plan_.admission != nullptr) {
    const Admission::Verdict verdict = plan_.admission->judge(source);
    if (verdict == Admission::Verdict::refused) return false;
    arrival.is_introduced = verdict == Admission::Verdict::introduced;
  }
  // A proxy's connections are its clients', which are counted when it has named them.
  if (!arrival.is_introduced) arrival.key = room_.key_of(source);
  return true;
}

// Whoever enters counts itself first and looks then, so that workers that accept at the same
// time never exceed a limit together.
Worker::Obstacle Worker::try_to_serve(Arrival& arrival) noexcept {
  if (served() >= plan_.connections_max) return Obstacle::busy;
  if (room_.memory().scarce()) return Obstacle::memory;
  if (!room_.enter(room_index_)) return Obstacle::full;
  Obstacle obstacle = Obstacle::address;
  if (room_.enter_from(room_index_, arrival.key)) {
    obstacle = serve_counted(arrival);
    if (obstacle != Obstacle::none) room_.leave_from(room_index_, arrival.key);
  }
  if (obstacle != Obstacle::none) room_.leave(room_index_);
  return obstacle;
}

Worker::Obstacle Worker::serve_counted(Arrival& arrival) noexcept {
  const int fd = placement_ == nullptr ? engine_.place(arrival.fd) : arrival.fd;
  if (fd < 0) return Obstacle::number;
  arrival.fd = fd;
  const std::uint64_t id = next_id_++;
  try {
    if (arrival.key != 0) keys_.emplace(id, arrival.key);
  } catch (const std::bad_alloc&) { return Obstacle::resources; }
  ++base::counters.accepted;  // Before it is served: it may end at once.
  int error = 0;
  if (placement_ != nullptr) {
    error = placement_->serve(*this, arrival, id);
  } else if (!serve_here(arrival, id)) {
    error = -ENOMEM;
  }
  if (error == 0) return Obstacle::none;
  --base::counters.accepted;
  keys_.erase(id);
  if (!std::exchange(told_resources_, true)) {
    log_made(LogLevel::warning, [error] {
      return fmt::format("cannot serve a connection: {}; it is tried again",
                         std::generic_category().message(-error));
    });
  }
  return Obstacle::resources;
}

bool Worker::serve_here(const Arrival& arrival, std::uint64_t id) noexcept {
  begin_ticking();
  Session* session = nullptr;
  try {
    session = new Session(*this, id, arrival.fd, arrival.is_tcp, false);
  } catch (const std::bad_alloc&) { return false; }
  add_session(*session);
  if (arrival.is_introduced) {
    session->serve_introduced();
  } else {
    session->serve(*plan_.handler);
  }
  return true;
}

// By Options::overload. What no policy can change: a connection of an address that has enough
// would keep the others waiting, and a worker that is busy by its model has no room to give.
void Worker::hold_or_refuse(const Arrival& arrival, Obstacle obstacle) noexcept {
  const bool rejects = options().overload == Overload::reject && obstacle != Obstacle::busy;
  if (obstacle != Obstacle::address && !rejects) {
    if (obstacle == Obstacle::number && !std::exchange(told_limit_, true)) {
      log_made(LogLevel::warning, [&arrival] {
        return fmt::format(
            "descriptor {} is beyond this model's limit; accepting pauses until a "
            "connection closes",
            arrival.fd);
      });
    }
    try {
      waiting_.push_back(arrival);
      keeps_one_ = obstacle == Obstacle::full;
      if (keeps_one_) room_.keeps_one(room_index_, engine_.now());
    } catch (const std::bad_alloc&) {
      ++base::counters.refused_memory;
      engine_.discard(arrival.fd);
    }
    return;
  }
  Statistics& counters = base::counters;
  switch (obstacle) {
    case Obstacle::address: ++counters.refused_address; break;
    case Obstacle::memory:
    case Obstacle::resources: ++counters.refused_memory; break;
    case Obstacle::number: ++counters.refused_descriptors; break;
    default: ++counters.refused_full;
  }
  if (obstacle == Obstacle::full) tell_full("are refused");
  if (obstacle == Obstacle::memory) tell_memory_full("are refused");
  engine_.discard(arrival.fd);
}

// A worker that serves for another has no mark of its own in the room.
void Worker::keep_none() noexcept {
  if (std::exchange(keeps_one_, false)) room_.keeps_none(room_index_);
}

void Worker::tell_full(const char* what_becomes_of_others) noexcept {
  if (std::exchange(told_full_, true)) return;
  log_made(LogLevel::warning, [&] {
    return fmt::format("{} connections are open, the limit; further ones {}",
                       room_.limits().connections, what_becomes_of_others);
  });
}

void Worker::tell_memory_full(const char* what_becomes_of_others) noexcept {
  if (std::exchange(told_memory_, true)) return;
  log_made(LogLevel::warning, [&] {
    return fmt::format("buffers hold {} of {} bytes (memory_max); further clients {}",
                       room_.memory().held(), room_.memory().most(), what_becomes_of_others);
  });
}

// Accepts while there is room for one more, and only then.
void Worker::balance() noexcept {
  while (!waiting_.empty()) {
    Arrival arrival = waiting_.back();
    waiting_.pop_back();
    const Obstacle obstacle = try_to_serve(arrival);
    if (obstacle == Obstacle::none) continue;
    hold_or_refuse(arrival, obstacle);
    if (!waiting_.empty()) break;
  }
  if (waiting_.empty()) keep_none();
  if (drain_ >= 0) {
    // Accepted is accepted: they are served when there is room, until the drain time is over.
    waiting_.empty() ? nobody_waits() : start_tick();
    return;
  }
  const bool room = has_room();
  if (room == paused_) {
    paused_ = !room;
    if (paused_ && room_.full()) tell_full("wait in the backlog");
    if (paused_ && room_.memory().scarce()) tell_memory_full("wait in the backlog");
    for (auto& acceptor : acceptors_) paused_ ? acceptor->pause() : acceptor->resume();
  }
  // Room that other workers give comes without a word.
  const bool own_end_tells = waiting_.empty() && !room_.memory().scarce() &&
                             room_.limits().workers == 1 && placement_ == nullptr;
  if (paused_ && !own_end_tells) start_tick();
}

void Worker::start_tick() noexcept {
  if (tick_.pending()) return;
  tick_.deadline = engine_.now() + tick_ns;
  engine_.start(tick_);
}

void Worker::ticked() noexcept {
  if (paused_ || !waiting_.empty()) balance();
}

void Worker::connection_left(std::uint64_t id) noexcept {
  room_.leave(room_index_);
  if (keys_.empty()) return;
  const auto found = keys_.find(id);
  if (found == keys_.end()) return;
  room_.leave_from(room_index_, found->second);
  keys_.erase(found);
}

// Perhaps they were all that kept us.
void Worker::nobody_waits() noexcept {
  quiet_ = true;
  engine_.call_attention();
}

void Worker::refuse_waiting() noexcept {
  for (const Arrival& arrival : waiting_) {
    ++base::counters.refused_full;
    engine_.discard(arrival.fd);
  }
  waiting_.clear();
  keep_none();
  if (!base::planted(base::Mutant::end_not_noticed)) nobody_waits();
}

// One line an episode: an episode that begins soon after the last is the same one.
void Worker::log_rest(int error) noexcept {
  constexpr std::int64_t same_episode = 10'000'000'000;
  const std::int64_t now = engine_.now();
  const bool told = rested_at_ != 0 && now - rested_at_ < same_episode;
  rested_at_ = now;
  if (told) return;
  log_made(LogLevel::warning, [&] {
    return fmt::format("cannot accept: {}; {}, and goes on as soon as it can",
                       std::generic_category().message(error),
                       options().overload == Overload::reject
                           ? "turns new clients away"
                           : "leaves new clients in the backlog");
  });
}

}  // namespace weir::detail
