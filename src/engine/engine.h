// engine.h - the seam: executes operations on one thread.
//
// Completion-shaped. Readiness (poll and its kin) imitates completion in a few lines: try, park,
// retry when ready. The reverse does not work.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <weir/endpoint.h>
#include <weir/misuse.h>
#include <weir/operation.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/mutants.h"
#include "engine/buffer.h"
#include "engine/engine_options.h"
#include "engine/running.h"
#include "engine/sleep_timer.h"
#include "engine/socket.h"
#include "engine/tick_errors.h"
#include "engine/timers.h"
#include "kernel/calls.h"
#include "kernel/waker.h"

namespace weir::detail {

constexpr const char* second_receive = "a second receive() on a connection while one waits";

/// Something that collects bytes to send while a handler runs, and sends them when it waits.
class Unflushed : public Link {
 public:
  virtual void flush() noexcept = 0;

 protected:
  ~Unflushed() = default;
};

class Engine {
 public:
  Engine(const EngineOptions& options, kernel::Calls& calls, kernel::Waker& waker);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine();

  /// Starts an operation. True: it has ended and `result` is set; completed() is not called.
  /// False: it is pending and completed() will be called, once, from a later turn.
  /// Requires: it is idle; and on its socket no other of its direction is pending.
  virtual bool start(Operation& operation) = 0;

  /// The usual start of a receive: the socket is known to be drained and is watched, so there is
  /// nothing to try, and the receive parks without a call. False: it has to be started.
  static bool park_receive(Socket& socket, Operation& operation) noexcept {
    if (socket.may_receive || (socket.watched & interest::receive) == 0) return false;
    if (socket.reader != nullptr) [[unlikely]]
      misuse(second_receive, "Connection::receive");
    socket.reader = &operation;
    operation.state = Operation::State::parked;
    return true;
  }

  /// Asks that a pending operation end soon: it completes in a later turn, with -ECANCELED or
  /// with the result that won the race. No effect on one that is not pending.
  virtual void cancel(Operation& operation) noexcept = 0;

  /// Waits until something happens, then performs and resumes what can go on, one by one.
  /// `may_sleep` off: looks only.
  virtual void turn(bool may_sleep) = 0;
  /// Turns, one or many, until its owner has to look after something: see call_attention().
  virtual void turns();
  /// Ends turns() after this turn, until it is said that somebody looks after it. The engine's
  /// thread only; others wake().
  void call_attention() noexcept { attention_ = true; }
  void attention_paid() noexcept { attention_ = false; }
  bool attention_called() const noexcept { return attention_; }

  /// Takes over a descriptor that was accepted or made for connecting, or a listener.
  virtual void adopt(Socket& socket) = 0;
  /// The descriptor under which a connection can be served: the same, or a duplicate with a
  /// smaller number, `fd` being closed; -1: none now, `fd` stays open (select's limit).
  virtual int place(int fd) noexcept { return fd; }
  /// A listener will accept no more. True: what has been accepted in advance still comes by
  /// start(), then -ECANCELED; only then it is to be closed. False: there is nothing of that kind.
  virtual bool wind_up(Socket& listener) noexcept;
  /// Asks the kernel for a client who waits there though nobody was told: see CompletionEngine.
  virtual void look_again(Socket& /*listener*/) noexcept {}
  /// Nobody accepts there for now: nor may the kernel by itself.
  virtual void hold_accepts(Socket& listener) noexcept;
  /// Gives a socket up: cancels what is pending on it without completing it, closes the
  /// descriptor and, now or in a later turn, calls closed().
  virtual void close(Socket& socket) noexcept = 0;

  /// Closes a descriptor that was accepted and never adopted.
  virtual void discard(int fd) noexcept;

  // Calls that never wait.
  virtual void finish_sending(Socket& socket) noexcept;
  virtual void reset_on_close(Socket& socket) noexcept;
  virtual std::size_t unread(Socket& socket) noexcept;
  std::size_t undelivered(Socket& socket) noexcept { return calls_.undelivered(socket.fd); }
  virtual Endpoint peer(const Socket& socket) const;
  virtual Endpoint local(const Socket& socket) const;
  /// Of a descriptor that was accepted and not adopted yet.
  virtual Endpoint peer_of(int fd) const;
  /// Out of descriptors: accepts and closes at once what waits in the listener's backlog, with
  /// the one descriptor that is kept for this. Returns how many, at most `most`.
  virtual unsigned turn_away(Socket& listener, unsigned most) noexcept;
  /// False: the descriptor that is kept for this is missing. Another thread may take the number
  /// while it is given up; whoever comes next has to make room for it.
  bool regain_reserve() noexcept;
  /// A socket to connect with, for adopt(): a descriptor or -errno.
  virtual int make_socket(const Endpoint& endpoint) noexcept;
  /// Gives such a socket the address that it connects from: 0 or -errno.
  int bind_source(int fd, const Endpoint& from) noexcept;

  /// Ends a sleep of turn(), this one or the next. From any thread or signal handler.
  void wake() noexcept { waker_.wake(); }
  /// Whether somebody called wake() since this was last asked.
  bool take_wake() noexcept { return waker_.take(); }

  /// One more, or one less, operation of kind event that other threads may complete, which they
  /// tell by wake(): meanwhile nothing may sleep that wake() does not end.
  void expect_event() noexcept { ++events_expected_; }
  void event_came() noexcept {
    --events_expected_;
    ++told_;
  }
  /// How many have come: messages that somebody waited for, say.
  std::uint64_t told() const noexcept { return told_; }

  /// Completes an operation of kind event in the next turn. The engine's thread only.
  void complete_later(Operation& operation, std::int32_t result) noexcept {
    finish_later(operation, result);
  }

  /// Room for bytes that go out, in one call, when the handler that runs now waits: the short cut
  /// past an outbox, for one connection at a time. nullptr: there is none, use the outbox.
  /// What the kernel does not take comes back by Socket::unsent().
  std::byte* stage(Socket& socket, std::size_t size) noexcept {
    if (staged_for_ != &socket && staged_for_ != nullptr) return nullptr;
    if (staged_ + size > stage_room_) return nullptr;
    staged_for_ = &socket;
    return stage_.get() + std::exchange(staged_, staged_ + size);
  }
  /// Bytes that are staged for it.
  std::size_t staged(const Socket& socket) const noexcept {
    return staged_for_ == &socket ? staged_ : 0;
  }
  /// Sends what is staged for it now.
  virtual void flush_staged(Socket& socket) noexcept {
    if (staged_for_ == &socket) send_staged();
  }
  /// What was staged for it and is under way is over when this returns, so that what is sent now
  /// does not overtake it. It may have come back by Socket::unsent().
  virtual void settle(Socket& socket) noexcept;
  /// For who begins several sessions in one resume: sends what they have queued so far, so that the
  /// next one has the stage and need not take a buffer.
  virtual void flush_begun() noexcept { flush_all(); }
  /// Forgets what is staged for it and returns it; valid until the next stage().
  std::span<const std::byte> unstage(const Socket& socket) noexcept {
    return staged_for_ == &socket ? take_staged() : std::span<const std::byte>();
  }

  /// Calls flush() when the handler that runs now waits. Once, however often it is asked.
  void flush_later(Unflushed& unflushed) noexcept {
    if (!unflushed.linked()) unflushed_.push_back(unflushed);
  }

  /// A buffer of the smallest size; nullptr when memory is out or limited. Or, `beyond` the limit,
  /// when memory is out.
  Buffer* lease(bool beyond) noexcept;
  /// Buffers of ours that somebody still holds.
  virtual std::size_t leased() const noexcept { return pool_.leased(); }
  bool at_memory_limit() const noexcept { return pool_.at_limit(); }
  /// Adds what is counted here and not in the thread's counters: events, buffers.
  void count() noexcept;
  /// How many operations have ended and their waiter was resumed.
  std::uint64_t events() const noexcept { return events_; }
  std::int64_t now() noexcept { return clock_.now(); }

  /// The time in quarters of a second, for deadlines: known without asking the clock, and late.
  /// Followed while keep_ticking() is on.
  static constexpr unsigned tick_bits = 28;
  static constexpr std::int64_t tick_ns = std::int64_t{1} << tick_bits;
  std::uint32_t tick() const noexcept { return tick_; }
  const TickErrors& tick_errors() const noexcept { return tick_errors_; }
  void keep_ticking(bool on) noexcept;
  bool is_ticking() const noexcept { return ticking_; }
  /// Whoever follows the ticks needs none for so many: if nobody was resumed since the clock was
  /// looked at, the next sleep may be as long. Then it is looked at first, whatever ended it.
  void doze(std::uint32_t ticks) noexcept {
    if (!ticking_ || events_ != events_at_look_) return;
    longest_sleep_ = ticks * tick_ns;
    if (base::planted(base::Mutant::dozes_too_long)) longest_sleep_ *= 2;
    turns_until_clock_ = 1;
  }
  /// Not for so many after all.
  void stay_awake() noexcept {
    if (ticking_) longest_sleep_ = tick_ns;
  }
  const EngineOptions& options() const noexcept { return options_; }
  /// Whose handler runs, for whoever watches it from another thread.
  Running& running() noexcept { return running_; }

 protected:
  using List = base::List<Operation>;

  /// One more operation inline for the handler that runs now? If not it goes to the queue's end.
  bool within_budget() const noexcept {
    return operations_spent_ < options_.budget_operations &&
           bytes_spent_ < static_cast<std::int64_t>(options_.budget_bytes);
  }
  void spend(std::int64_t bytes) noexcept {
    ++operations_spent_;
    bytes_spent_ += bytes;
  }
  /// To be attempted in this turn or the next.
  void make_runnable(Operation& operation) noexcept {
    operation.state = Operation::State::runnable;
    runnable_.push_back(operation);
  }
  /// It has ended; who waits for it is told in this turn or the next.
  void finish_later(Operation& operation, std::int32_t result) noexcept {
    operation.result = result;
    operation.state = Operation::State::ended;
    runnable_.push_back(operation);
  }
  /// Resumes who waits for it, with a fresh budget; then flushes what it queued.
  void resume(Operation& operation) noexcept {
    resume_unflushed(operation);
    flush_all();
  }
  void resume_unflushed(Operation& operation) noexcept {
    operation.state = Operation::State::idle;
    ++events_;
    operations_spent_ = 0;
    bytes_spent_ = 0;
    running_.begin(operation.socket);
    operation.completed();
  }
  /// Calls `what` as if nothing were staged.
  template <class What>
  void without_stage(What what) noexcept {
    Socket* const socket = std::exchange(staged_for_, nullptr);
    const std::size_t size = std::exchange(staged_, 0);
    what();
    ASSERT(staged_for_ == nullptr);
    staged_for_ = socket;
    staged_ = size;
  }
  /// For whom something is staged, if for anybody.
  Socket* staged_for() const noexcept { return staged_for_; }
  std::span<const std::byte> take_staged() noexcept {
    staged_for_ = nullptr;
    return {stage_.get(), std::exchange(staged_, 0)};
  }
  void flush_all() noexcept {
    if (staged_for_ != nullptr) send_staged();
    while (!unflushed_.empty()) unflushed_.pop_front().flush();
  }

  /// The calls of a socket that is nonblocking, again after EINTR.
  std::int64_t receive_now(int fd, void* data, std::size_t size) noexcept {
    std::int64_t got = 0;
    do { got = calls_.receive(fd, data, size); } while (got == -EINTR);
    return got;
  }
  template <class... What>
  std::int64_t send_now(int fd, What... what) noexcept {
    std::int64_t sent = 0;
    do { sent = calls_.send(fd, what...); } while (sent == -EINTR);
    return sent;
  }

  /// The longest sleep of who has no descriptor to be woken by, in ns.
  static constexpr std::int64_t unwatched_nap = 20'000'000;

  bool start_wait(Operation& operation);
  void expire_timers() noexcept {
    if (!timers_.empty()) expire_due();
    follow_clock_now_and_then();
  }
  void follow_clock_now_and_then() noexcept {
    if (--turns_until_clock_ == 0) follow_clock();
  }
  /// A turn found nothing to do: there is time to look at the clock.
  void found_nothing() noexcept;
  void follow_clock() noexcept;
  /// How long to sleep who may not for longer than `most`; a negative `bound` is for ever.
  static constexpr std::int64_t at_most(std::int64_t bound, std::int64_t most) noexcept {
    return bound < 0 || bound > most ? most : bound;
  }
  /// How long turn() may sleep, in ns; negative: until woken.
  std::int64_t sleep_bound(bool may_sleep) noexcept {
    running_.rest();
    if (!may_sleep || !runnable_.empty() || waker_.woken()) return 0;
    const std::int64_t bound = timers_.empty() ? -1 : until_next_timer();
    return ticking_ ? at_most(bound, longest_sleep_) : bound;
  }
  /// The bound that a sleep of at most `bound` needs: none if timer_ ends it by then. It is set for
  /// ticks, whose bound is the same for many sleeps: that of a timer is nearer for each.
  std::int64_t bound_beside_timer(std::int64_t bound) noexcept {
    if (timer_.ends_within(bound)) return -1;
    const bool is_for_ticks = ticking_ && bound == longest_sleep_;
    return is_for_ticks && set_timer(bound) ? -1 : bound;
  }
  /// Sets timer_, which is made and watched if need be. False: it cannot be.
  virtual bool set_timer(std::int64_t /*bound*/) noexcept { return false; }
  /// Nothing waits but for the kernel: no timer, nobody who used up his budget.
  bool is_steady() const noexcept { return runnable_.empty() && timers_.empty(); }
  /// How long turn() may sleep then.
  std::int64_t steady_bound() noexcept {
    running_.rest();
    return longest_sleep_;
  }

  EngineOptions options_;
  kernel::Calls& calls_;
  kernel::Clock& clock_;
  kernel::Waker& waker_;
  Timers timers_;
  SleepTimer timer_;
  List runnable_;
  BufferPool& pool_;
  unsigned events_expected_ = 0;
  std::uint64_t told_ = 0;

  /// A receive found that the limit of memory leaves it no buffer: it waits in `starved_`, parked
  /// by nobody, until there is some. True: there is none at all, and its result says so.
  bool lacks_buffer(Operation& operation) noexcept;
  /// Whether park() is asked to park one that waits for memory, which is no place for it.
  bool starves(const Operation& operation) noexcept { return starving_ == &operation; }
  void starve(Operation& operation) noexcept;
  /// How many receives starve.
  virtual std::size_t starving() noexcept;
  /// Tries the one that has starved for longest once more. False: there is none.
  virtual bool serve_starved() noexcept;
  /// Attempts it, calls has_retried(), and resumes who waits for it; or parks it.
  virtual void retry(Operation& /*operation*/) noexcept {}
  void has_retried() noexcept;
  /// Whether what starves now has starved before, and keeps its place in front.
  bool retries() const noexcept { return retries_; }
  /// Somebody starves.
  void form_line() noexcept;
  /// Its socket is closed.
  void forget_starved(const Socket& socket) noexcept;

  std::uint64_t events_ = 0;
  List starved_;

 private:
  class Shortage final : public Operation {
   public:
    explicit Shortage(Engine& whose) noexcept : Operation(Kind::wait), engine_(whose) {}
    void completed() noexcept override { engine_.look_for_memory(); }

   private:
    Engine& engine_;
  };

  void look_for_memory() noexcept;
  /// From now on, until there is memory, nothing is staged, and those who starve are looked after.
  void begin_shortage(std::int64_t until_next_look) noexcept;
  void send_staged() noexcept;
  void staged_not_sent(Socket& socket, std::size_t size, std::int64_t sent) noexcept;
  void expire_due() noexcept;
  std::int64_t until_next_timer() noexcept;

  static constexpr unsigned turns_a_look_most = TickErrors::most - 1;
  static constexpr unsigned turns_to_first_look = 3;  // A short connection ends before.
  unsigned turns_a_look_ = turns_a_look_most, turns_until_clock_ = turns_a_look_;
  std::uint32_t tick_ = 0;
  TickErrors tick_errors_;
  std::int64_t looked_at_ = 0;  // The clock then, in ticks.
  bool ticking_ = false;
  std::int64_t longest_sleep_ = -1;  // In ns; negative: for ever.
  std::uint64_t events_at_look_ = 0;
  int reserve_ = -1;  // Of no use but to be given up when descriptors run out; see turn_away().
  base::List<Unflushed> unflushed_;
  Running running_;
  unsigned operations_spent_ = 0;  // By the resume that runs now.
  bool attention_ = false;
  std::int64_t bytes_spent_ = 0;
  const std::unique_ptr<std::byte[]> stage_;
  std::size_t stage_room_;
  Operation* starving_ = nullptr;
  bool looks_for_memory_ = false;
  Shortage shortage_;
  bool retries_ = false;
  std::uint64_t events_counted_ = 0, buffers_counted_ = 0;
  std::size_t staged_ = 0;
  Socket* staged_for_ = nullptr;
};

}  // namespace weir::detail
