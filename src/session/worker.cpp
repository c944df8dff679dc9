#include "session/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include <weir/misuse.h>

#include "base/assert.h"
#include "base/counters.h"
#include "base/duration.h"
#include "base/mutants.h"

namespace weir::detail {
namespace {

constinit thread_local Worker* current_worker = nullptr;
// With peers that hold on to a connection that has ended.
constexpr std::int64_t patience_at_stop = 500'000'000;

}  // namespace

Worker& Worker::current() noexcept {
  if (current_worker == nullptr) [[unlikely]]
    misuse("an await, or now(), outside of handlers and of run()", "run");
  return *current_worker;
}

bool Worker::is_current() const noexcept { return current_worker == this; }

Worker::Worker(const Plan& plan, Engine& engine, Placement* placement)
    : plan_(plan),
      engine_(engine),
      placement_(placement),
      outer_(std::exchange(current_worker, this)),
      deadline_ticks_(plan.options),
      next_id_((std::uint64_t{plan.index} << 48) + 1),
      own_room_({}, own_room_memory_),
      room_(plan.room != nullptr ? *plan.room : own_room_),
      room_index_(plan.room != nullptr ? plan.index : 0),
      drain_end_(*this),
      tick_(*this) {}

Worker::~Worker() {
  ASSERT(open_ == 0);
  bury();
  while (!spare_outboxes_.empty()) { delete static_cast<Outbox*>(&spare_outboxes_.pop_front()); }
  current_worker = outer_;
}

Worker* Worker::exchange_current(Worker* worker) noexcept {
  return std::exchange(current_worker, worker);
}

void Worker::turn() {
  engine_.turn(true);
  // Or turns() would go on without anybody to end it.
  ASSERT(!is_done() || engine_.attention_called() || placement_ != nullptr);
  look_after();
}

// What other processes and threads do for us calls for no attention, so it is looked at always.
void Worker::turns() {
  if (placement_ != nullptr) return turn();
  engine_.turns();
  look_after();
}

void Worker::look_after() {
  engine_.attention_paid();
  if (engine_.tick() != tick_seen_) tick_passed();
  if (engine_.take_wake()) look_outside();
  if (!ended_.empty()) bury();
  if (placement_ != nullptr) tend_placement();
  if (quiet_) [[unlikely]] {
    quiet_ = false;
    show_counters();
    const bool is_over = drain_ >= 0 && listening_ == 0 && waiting_.empty();
    if (is_over && open_ == clients_) end_clients();
  }
}

void Worker::run() {
  const Control::Shown shown(*plan_.control, engine_.running());
  start();
  while (!is_done()) turns();
  finish_timers();
}

void Worker::start() {
  waiting_.reserve(plan_.listeners.size() + 1);
  for (const int listener : plan_.listeners) {
    acceptors_.push_back(std::make_unique<Acceptor>(*this, listener));
    ++listening_;
  }
  for (auto& acceptor : acceptors_) acceptor->resume();
  look_outside();  // A stop may have come before anybody listened; and now the worker runs.
}

// The worker that accepted it has counted it and let it in.
bool Worker::run_one(const Arrival& arrival, std::uint64_t id) {
  placed_here_ = true;
  if (!serve_here(arrival, id)) return false;
  look_outside();
  while (open_ > clients_) turns();
  end_clients();
  while (open_ > 0) turns();
  finish_timers();
  return true;
}

void Worker::run_until(const bool& finished) {
  while (!finished) turns();
  end_clients();
  while (open_ > 0) turns();
  finish_timers();
}

// Timers are ours, and the engine points at them until they have completed.
void Worker::finish_timers() {
  const auto finish = [this](Operation& timer) {
    if (timer.pending()) engine_.cancel(timer);
    while (timer.pending()) engine_.turn(false);
  };
  finish(drain_end_);
  finish(tick_);
  for (auto& acceptor : acceptors_) finish(acceptor->timer());
}

void Worker::show_counters() noexcept {
  engine_.count();
  if (plan_.host != nullptr) plan_.host->counted(plan_.index);
}

void Worker::tick_passed() noexcept {
  engine_.running().rest();
  tick_seen_ = engine_.tick();
  show_counters();
  deadlines_.advance(tick_seen_, [this](Session& session) {
    return session.look_at_deadlines(deadline_ticks_);
  });
  engine_.doze(deadlines_.next());
}

// Before the first session is made, which notes the tick.
void Worker::begin_ticking() noexcept {
  if (deadline_ticks_.least != 0) keep_ticking();
}

void Worker::keep_ticking() noexcept {
  if (engine_.is_ticking()) return;
  engine_.keep_ticking(true);
  tick_seen_ = engine_.tick();
  deadlines_.start(tick_seen_);
}

void Worker::add_session(Session& session) noexcept {
  ++open_;
  deadlines_.file(session, deadline_ticks_.least);
  engine_.stay_awake();
}

void Worker::tend_placement() noexcept {
  const std::size_t open_before = std::exchange(counted_open_, placement_->open());
  // Who came and went since the last time is not missing among those that there are.
  const std::uint64_t closed_before = std::exchange(counted_closed_, base::counters.closed);
  quiet_ = quiet_ || counted_open_ != open_before || counted_closed_ != closed_before;
  if (paused_ || !waiting_.empty()) balance();
  if ((paused_ || drain_ >= 0) && !tick_.pending()) start_tick();
}

void Worker::look_outside() noexcept {
  engine_.running().rest();
  engine_.count();
  if (plan_.host != nullptr) {
    const bool is_called = plan_.host->is_called(plan_.index);
    plan_.host->woken(plan_.index);
    if (is_called) {
      for (auto& acceptor : acceptors_) acceptor->look_again();
    }
  }
  take_posted();
  const std::int64_t drain = plan_.control->stop_drain();
  if (drain >= 0 && (drain_ < 0 || drain < drain_)) begin_stop(drain);
  if (paused_) balance();
}

void Worker::post(Operation& operation) noexcept {
  if (current_worker == this) {
    engine_.event_came();
    engine_.complete_later(operation, operation.result);
    return;
  }
  // Woken with the lock held: once the operation can be taken, this worker may end and be gone.
  std::lock_guard lock(posted_mutex_);
  posted_.push_back(operation);
  if (!base::planted(base::Mutant::wake_lost)) engine_.wake();
}

void Worker::take_posted() noexcept {
  base::List<Operation> taken;
  {
    std::lock_guard lock(posted_mutex_);
    taken.append(posted_);
  }
  while (!taken.empty()) {
    Operation& operation = taken.pop_front();
    engine_.event_came();
    engine_.complete_later(operation, operation.result);
  }
}

// --- sessions --------------------------------------------------------------------------------

Session* Worker::make_client(int fd, bool is_tcp) {
  auto* session = new Session(*this, next_id_++, fd, is_tcp, true);
  ++clients_;
  add_session(*session);
  return session;
}

void Worker::session_closed(Session& session) noexcept {
  if (introductions_ != nullptr) forget_introduction(session);
  if (!session.is_client() && !placed_here_) connection_left(session.id());
  session.unlink();
  // One that a Client holds is deleted by it.
  if (!session.held()) ended_.push_back(session);
  if (session.is_client()) --clients_;
  --open_;
  if (open_ == 0) engine_.keep_ticking(false);
  if (open_ == 0 || (drain_ >= 0 && open_ == clients_)) quiet_ = true;
  engine_.call_attention();
  if (drain_ < 0 && !acceptors_.empty()) {
    if (paused_) {
      if (!base::planted(base::Mutant::room_not_noticed)) balance();
    } else {
      for (auto& acceptor : acceptors_) acceptor->resume();
    }
  } else if (!waiting_.empty()) {
    balance();
  }
}

void Worker::bury() noexcept {
  while (!ended_.empty()) delete &ended_.pop_front();
}

Outbox* Worker::take_outbox() {
  if (spare_outboxes_.empty()) return new Outbox;
  return static_cast<Outbox*>(&spare_outboxes_.pop_front());
}

void Worker::give_back_outbox(Outbox* outbox) noexcept {
  if (WEIR_POOLS == 0) {
    delete outbox;
    return;
  }
  spare_outboxes_.push_front(*outbox);
}

void Worker::log_handler_error(const Session& session, const char* what) noexcept {
  log_made(LogLevel::warning, [&] {
    return fmt::format("connection {}: the handler failed: {}", session.id(), what);
  });
}

// --- stopping --------------------------------------------------------------------------------

std::chrono::nanoseconds Worker::linger() const noexcept {
  using namespace std::chrono_literals;
  const std::chrono::nanoseconds usual(base::nanoseconds(plan_.options.linger));
  if (cutting_) return 0ns;
  // A server that goes waits less for peers that hold on to a connection that has ended.
  constexpr std::chrono::nanoseconds most(patience_at_stop);
  return drain_ >= 0 ? std::min<std::chrono::nanoseconds>(usual, most) : usual;
}

void Worker::begin_stop(std::int64_t drain) noexcept {
  const bool first = std::exchange(drain_, drain) < 0;
  drain_deadline_ = engine_.now() + drain;
  if (first) {
    paused_ = false;
    for (auto& acceptor : acceptors_) acceptor->stop();
    if (open_ > 0) keep_ticking();  // Who is silent from now on shows also without deadlines.
    end_idle();
    note_lingering();
  }
  quiet_ = true;         // Perhaps only clients are left.
  if (first) balance();  // Those who left may have made room.
  if (placement_ != nullptr) placement_->stop(drain);
  if (drain_end_.pending()) {
    drain_end_.cancel();  // Its end starts it anew, with the new deadline.
  } else {
    drain_timer_ended(false);
  }
}

// Until the end those are ended, again and again, that have become idle: often at first, so that
// clients who ask now and then are gone between two questions; then seldom, because those who are
// left have a slow answer, or a slow request.
void Worker::drain_timer_ended(bool expired) noexcept {
  constexpr std::int64_t often = 100'000'000, seldom = Session::quiet_ns, at_first = seldom;
  if (expired && drain_end_.deadline >= drain_deadline_) return cut_all();
  const std::int64_t now = engine_.now(), lasted = now - (drain_deadline_ - drain_);
  if (expired) end_idle();
  if (lasted >= patience_at_stop) end_lingering();
  if (is_done()) return;  // Not before the listeners are closed: they may still bring somebody.
  const std::int64_t interval = lasted < at_first ? often : seldom;
  drain_end_.deadline = std::min(drain_deadline_, now + interval);
  engine_.start(drain_end_);
}

// Handlers may share clients that outlive them, a pool of upstreams say. When nobody is left to use
// them they would keep the worker for ever.
void Worker::end_clients() noexcept {
  if (clients_ == 0) return;
  deadlines_.for_each([](Session& session) { session.end_held(); });
}

void Worker::end_idle() noexcept {
  deadlines_.for_each([](Session& session) {
    if (session.idle() && !base::planted(base::Mutant::drain_forgets)) session.cancel();
  });
}

// Who begins to linger later has the short patience from the start.
void Worker::note_lingering() noexcept {
  try {
    deadlines_.for_each([this](Session& session) {
      if (session.lingers()) lingered_.push_back(session.id());
    });
  } catch (const std::bad_alloc&) {}  // The others linger for as long as they may.
  std::ranges::sort(lingered_);
}

void Worker::end_lingering() noexcept {
  if (lingered_.empty()) return;
  deadlines_.for_each([this](Session& session) {
    if (std::ranges::binary_search(lingered_, session.id())) session.cancel();
  });
  lingered_.clear();
}

// Who owes his client nothing ends as one that is idle does.
void Worker::cut_all() noexcept {
  cutting_ = true;
  refuse_waiting();
  if (placement_ != nullptr) placement_->cut();
  bool forgets = base::planted(base::Mutant::cut_forgets);
  deadlines_.for_each([&](Session& session) {
    if (std::exchange(forgets, false)) return;
    session.owes_nothing() ? session.cancel() : session.cut();
  });
}

// --- what the public headers need ------------------------------------------------------------

void note_running(const Scope& line) noexcept {
  Worker::current().engine().running().begin(Session::socket_of(line));
}

bool start(Operation& operation) { return Worker::current().engine().start(operation); }

void Operation::cancel() noexcept { Worker::current().engine().cancel(*this); }

unsigned Operation::awaits(const Suspension& own) const noexcept {
  if (this == &own) return awaits_client;
  return kind == Kind::wait ? awaits_others : awaits_service;
}

std::int64_t deadline_after(std::chrono::nanoseconds duration) noexcept {
  constexpr std::int64_t for_ever = std::int64_t{1} << 62;
  const std::int64_t now = Worker::current().engine().now();
  return duration.count() >= for_ever - now ? for_ever : now + duration.count();
}

}  // namespace weir::detail
