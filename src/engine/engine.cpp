#include "engine/engine.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"

namespace weir::detail {

Engine::Engine(const EngineOptions& options, kernel::Calls& calls, kernel::Waker& waker)
    : options_(options),
      calls_(calls),
      clock_(calls.clock()),
      waker_(waker),
      timers_(clock_.now()),
      pool_(*new BufferPool),
      stage_(new(std::nothrow) std::byte[options.stage_bytes]),
      stage_room_(options.stage_bytes),
      shortage_(*this) {
  if (stage_ == nullptr) options_.stage_bytes = stage_room_ = 0;  // All goes through outboxes.
  pool_.keep_account(options.memory, options.memory_worker);
  regain_reserve();
}

Engine::~Engine() {
  if (reserve_ >= 0) calls_.close(reserve_);
  shortage_.unlink();
  count();
  pool_.close_account();
  pool_.abandon();
}

void Socket::unsent(std::span<const std::byte> /*bytes*/, int /*error*/) noexcept {}

void Engine::turns() {
  do { turn(true); } while (!attention_called() && !waker_.woken());
}

// The outbox's short cut: one call from one buffer that stays in the cache.
void Engine::send_staged() noexcept {
  Socket& socket = *std::exchange(staged_for_, nullptr);
  const std::size_t size = std::exchange(staged_, 0);
  const std::int64_t sent = calls_.send(socket.fd, stage_.get(), size);
  if (sent != static_cast<std::int64_t>(size)) [[unlikely]]
    return staged_not_sent(socket, size, sent);
  base::counters.bytes_sent += size;
}

void Engine::staged_not_sent(Socket& socket, std::size_t size, std::int64_t sent) noexcept {
  if (sent == -EINTR) sent = send_now(socket.fd, stage_.get(), size);
  const std::size_t taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  base::counters.bytes_sent += taken;
  if (taken == size) return;
  const bool full = sent > 0 || sent == -EAGAIN;
  if (full) socket.may_send = false;
  if (full && base::planted(base::Mutant::staged_tail_lost)) return;
  socket.unsent({stage_.get() + taken, size - taken}, full ? 0 : static_cast<int>(-sent));
}

void Engine::keep_ticking(bool on) noexcept {
  ticking_ = on;
  longest_sleep_ = on ? tick_ns : -1;
  if (!on) return;
  looked_at_ = now() >> tick_bits;
  turns_until_clock_ = turns_a_look_ = turns_to_first_look;
  tick_errors_ = TickErrors();  // Nobody is here yet who noted a tick.
}

void Engine::found_nothing() noexcept {
  if (!calls_.still_waits()) turns_until_clock_ = 1;
}

// Whatever was noted since the last look may have been later than its tick says, by as much as
// the tick moves now: by one, too, for the look that finds a deadline passed may come sooner after
// its tick began than that one did. In a doze nothing is noted, nor before the look that ends it.
// A machine that slept, a process that was stopped and a handler that blocked its loop have seen
// nobody be late: that time does not count, but for as much as there can be between two looks.
//
// While the ticks move it is looked at after each turn, because turns may be few in much time;
// while they do not, half as often each time.
void Engine::follow_clock() noexcept {
  turns_until_clock_ = 1;
  if (calls_.still_waits()) return;  // Afterwards.
  turns_until_clock_ = turns_a_look_;
  if (!ticking_) return;
  events_at_look_ = events_;
  const std::int64_t asleep = std::exchange(longest_sleep_, tick_ns) / tick_ns;
  const std::int64_t looked_at = std::exchange(looked_at_, now() >> tick_bits);
  const auto moved = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(looked_at_ - looked_at, 0, turns_a_look_most + asleep));
  turns_a_look_ = moved == 0 ? std::min(2 * turns_a_look_, turns_a_look_most) : 1;
  turns_until_clock_ = turns_a_look_;
  if (moved == 0) return;
  tick_ += moved;
  const bool nobody_noted = asleep > 1 || base::planted(base::Mutant::late_ticks_forgotten);
  tick_errors_.note(tick_, nobody_noted ? 0 : moved);
  call_attention();
}

bool Engine::start_wait(Operation& operation) {
  if (operation.kind == Operation::Kind::wait && operation.deadline > now()) {
    operation.state = Operation::State::parked;
    timers_.add(operation);
  } else {
    finish_later(operation, 0);
  }
  return false;
}

void Engine::expire_due() noexcept {
  List due;
  timers_.expire(now(), due);
  while (!due.empty()) { finish_later(due.pop_front(), 0); }
}

std::int64_t Engine::until_next_timer() noexcept {
  return std::max<std::int64_t>(timers_.next() - now(), 0);
}

void Engine::count() noexcept {
  Statistics& counters = base::counters;
  counters.events += events_ - std::exchange(events_counted_, events_);
  const std::uint64_t buffers = leased();
  counters.buffers += buffers - std::exchange(buffers_counted_, buffers);
}

bool Engine::wind_up(Socket& /*listener*/) noexcept { return false; }

void Engine::hold_accepts(Socket& /*listener*/) noexcept {}
void Engine::settle(Socket& /*socket*/) noexcept {}
void Engine::discard(int fd) noexcept { calls_.close(fd); }
void Engine::finish_sending(Socket& socket) noexcept { calls_.finish_sending(socket.fd); }
void Engine::reset_on_close(Socket& socket) noexcept { calls_.reset_on_close(socket.fd); }
std::size_t Engine::unread(Socket& socket) noexcept { return calls_.unread(socket.fd); }
Endpoint Engine::peer(const Socket& socket) const { return calls_.peer(socket.fd); }
Endpoint Engine::local(const Socket& socket) const { return calls_.local(socket.fd); }
Endpoint Engine::peer_of(int fd) const { return calls_.peer(fd); }

bool Engine::regain_reserve() noexcept {
  if (!options_.keeps_reserve || reserve_ >= 0) return true;
  Endpoint any;
  any.family = Endpoint::Family::unix_socket;
  reserve_ = calls_.socket_for(any, kernel::Mode::nonblocking);
  return reserve_ >= 0;
}

unsigned Engine::turn_away(Socket& listener, unsigned most) noexcept {
  unsigned count = 0;
  while (count < most && regain_reserve()) {
    kernel::PollEntry waiting{listener.fd, kernel::poll_readable, 0};
    if (calls_.poll(&waiting, 1, 0) == 0) break;
    calls_.close(std::exchange(reserve_, -1));
    const int fd = calls_.accept(listener.fd, kernel::Mode::nonblocking);
    if (fd < 0) break;
    calls_.close(fd);
    ++count;
  }
  regain_reserve();
  return count;
}

int Engine::make_socket(const Endpoint& endpoint) noexcept {
  return calls_.socket_for(endpoint, kernel::Mode::nonblocking);
}
int Engine::bind_source(int fd, const Endpoint& from) noexcept {
  return calls_.bind_source(fd, from);
}

}  // namespace weir::detail
