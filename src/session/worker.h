// worker.h - one thread or process that runs a model: an engine, listeners and sessions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <unordered_map>
#include <vector>

#include <weir/operation.h>
#include <weir/options.h>
#include <weir/server.h>

#include "base/list.h"
#include "engine/control.h"
#include "engine/engine.h"
#include "session/acceptor.h"
#include "session/deadlines.h"
#include "session/host.h"
#include "session/introduction.h"
#include "session/outbox.h"
#include "session/placement.h"
#include "session/room.h"
#include "session/session.h"

namespace weir::detail {

class Admission;
class Witness;

/// What the outside gives a worker. All of it outlives the worker.
struct Plan {
  Handler* handler = nullptr;
  Options options;
  std::vector<int> listeners;              ///< The worker closes them.
  bool shares_listeners = false;           ///< Other workers accept from them, too.
  bool clients_have_bound = true;          ///< BlockingEngine's, on all that they accept.
  std::size_t connections_max = SIZE_MAX;  ///< Of this worker at once: 1 if it is iterative.
  unsigned index = 0;
  Control* control = nullptr;
  kernel::Calls* calls = nullptr;        ///< what its engine calls
  Room* room = nullptr;                  ///< Of the whole server; nullptr: no limits.
  const Admission* admission = nullptr;  ///< nullptr: everybody is let in.
  /// Off where the room cannot be told when a connection is lost.
  bool counts_clients = true;
  LogFunction log = nullptr;
  Host* host = nullptr;        ///< Hears of the worker's turns; may be nobody.
  Witness* witness = nullptr;  ///< Hears what handlers send and receive; nobody, but simulated.
};

class Worker {
 public:
  Worker(const Plan& plan, Engine& engine, Placement* placement = nullptr);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Accepts and serves until stopped and everything has ended.
  void run();
  /// The same in pieces, for those who run several workers on one thread: start(), then turn()
  /// until is_done(), then finish_timers(). Between them the worker is not the thread's own:
  /// exchange_current() makes it so, and returns which was before.
  void start();
  void turn();
  bool is_done() noexcept {
    return drain_ >= 0 && listening_ == 0 && waiting_.empty() && open() == 0;
  }
  void finish_timers();
  static Worker* exchange_current(Worker* worker) noexcept;

  /// Serves one connection until it and what it started have ended: threads, fork.
  /// False: it could not be served, and the descriptor is still open.
  bool run_one(const Arrival& arrival, std::uint64_t id);
  /// Runs until `finished` is set, then until what is closing has closed: weir::run().
  void run_until(const bool& finished);

  /// The worker of this thread. Requires: there is one.
  static Worker& current() noexcept;
  bool is_current() const noexcept;

  Engine& engine() noexcept { return engine_; }
  const Plan& plan() const noexcept { return plan_; }
  const Options& options() const noexcept { return plan_.options; }
  /// How long a closing session waits for its peer; short once the drain time is over.
  std::chrono::nanoseconds linger() const noexcept;
  bool stopping() const noexcept { return drain_ >= 0; }

  /// An operation of kind event will be completed by post(). The worker's thread only.
  void expect_post() noexcept { engine_.expect_event(); }
  /// From any thread: completes it in the next turn.
  void post(Operation& operation) noexcept;

  // For acceptors.
  void accepted(int fd, bool is_tcp) noexcept;
  void acceptor_closed() noexcept {
    --listening_;
    quiet_ = true;
    engine_.call_attention();
  }
  bool turns_away() const noexcept { return options().overload == Overload::reject; }
  void log_rest(int error) noexcept;

  // For sessions.
  Session* make_client(int fd, bool is_tcp);
  void session_closed(Session& session) noexcept;
  /// The first of the session's spawned tasks; nullptr: none. Throws std::bad_alloc when there was
  /// none before. The place is good until they are forgotten.
  Session::Child*& children_of(const Session& session) { return children_[&session]; }
  void forget_children_of(const Session& session) noexcept { children_.erase(&session); }
  Outbox* take_outbox();
  void give_back_outbox(Outbox* outbox) noexcept;
  void log_handler_error(const Session& session, const char* what) noexcept;

  // For sessions behind a proxy.
  /// Notes who the client is. False: his address has as many connections as it may.
  bool introduce(const Session& session, Introduction&& introduction);
  /// nullptr: nobody has introduced it.
  const Introduction* introduction_of(const Session& session) const noexcept;
  Chunk take_rest(const Session& session) noexcept;
  void log_no_header(const Session& session, std::string_view why) noexcept;

  /// Shows each session that is not closed yet.
  template <class Visit>
  void visit_sessions(Visit visit) {
    deadlines_.for_each(visit);
  }
  std::size_t open_sessions() const noexcept { return open_; }

  // For placements.
  void placed_ended() noexcept { engine_.wake(); }
  /// A connection that was served elsewhere is no more.
  void connection_left(std::uint64_t id) noexcept;
  /// Whether it has accepted somebody whom it cannot serve yet.
  bool holds_arrivals() const noexcept { return !waiting_.empty(); }
  void log(LogLevel level, std::string_view line) const noexcept {
    if (plan_.log != nullptr) plan_.log(level, line);
  }
  /// Logs what `line()` makes. Where memory has run out, that is what is said.
  template <class Line>
  void log_made(LogLevel level, Line line) const noexcept {
    if (plan_.log == nullptr) return;
    try {
      log(level, line());
    } catch (const std::bad_alloc&) { log(level, "out of memory, also to say what for"); }
  }

 private:
  class DrainEnd final : public Operation {
   public:
    explicit DrainEnd(Worker& whose) noexcept : Operation(Kind::wait), worker_(whose) {}
    void completed() noexcept override { worker_.drain_timer_ended(result == 0); }

   private:
    Worker& worker_;
  };

  /// Looks after what cannot wake us: children that ended, room that other workers gave.
  class Tick final : public Operation {
   public:
    explicit Tick(Worker& whose) noexcept : Operation(Kind::wait), worker_(whose) {}
    void completed() noexcept override {
      if (result == 0) worker_.ticked();
    }

   private:
    Worker& worker_;
  };

  /// Why an arrival cannot be served now: this worker is busy with another, the server is full,
  /// its address has enough, the limit of memory is near, something could not be had, or select(2)
  /// cannot watch so large a descriptor.
  enum class Obstacle : std::uint8_t { none, busy, full, address, memory, resources, number };

  /// Turns, one or many, until something but operations needs looking after.
  void turns();
  void look_after();
  void tend_placement() noexcept;
  void begin_ticking() noexcept;
  void keep_ticking() noexcept;
  void add_session(Session& session) noexcept;
  void tick_passed() noexcept;
  void show_counters() noexcept;
  void look_outside() noexcept;
  void take_posted() noexcept;
  bool asks_for_source() const noexcept;
  bool let_in(Arrival& arrival) noexcept;
  Obstacle try_to_serve(Arrival& arrival) noexcept;
  Obstacle serve_counted(Arrival& arrival) noexcept;
  bool serve_here(const Arrival& arrival, std::uint64_t id) noexcept;
  void forget_introduction(const Session& session) noexcept;
  void hold_or_refuse(const Arrival& arrival, Obstacle obstacle) noexcept;
  void refuse_waiting() noexcept;
  void keep_none() noexcept;
  void nobody_waits() noexcept;
  void tell_full(const char* what_becomes_of_others) noexcept;
  void tell_memory_full(const char* what_becomes_of_others) noexcept;
  void balance() noexcept;
  void start_tick() noexcept;
  void ticked() noexcept;
  bool has_room() noexcept;
  bool is_balanced() noexcept;
  std::size_t open() noexcept;
  /// Of these: not opened by ourselves.
  std::size_t served() noexcept { return open() - clients_; }
  void begin_stop(std::int64_t drain) noexcept;
  void drain_timer_ended(bool expired) noexcept;
  void end_idle() noexcept;
  void note_lingering() noexcept;
  void end_lingering() noexcept;
  void cut_all() noexcept;
  void end_clients() noexcept;
  void bury() noexcept;

  const Plan& plan_;
  Engine& engine_;
  Placement* placement_;
  Worker* outer_;  // The worker that ran on this thread before, as with run() in a handler.
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  const DeadlineTicks deadline_ticks_;
  Deadlines deadlines_;  // Holds every session.
  std::uint32_t tick_seen_ = 0;
  base::List<Session> ended_;  // Closed; deleted when nobody's code of theirs is on the stack.
  std::size_t listening_ = 0;
  std::size_t open_ = 0;
  std::size_t clients_ = 0;  // Of these: connections that we opened.
  std::uint64_t next_id_;
  alignas(64) std::byte own_room_memory_[256] = {};
  Room own_room_;  // Of a worker that has no server around it.
  Room& room_;
  const unsigned room_index_;     // Our place there.
  bool placed_here_ = false;      // Counted and let in by another worker.
  std::vector<Arrival> waiting_;  // Accepted, and not to be served now. Rarely more than one.
  bool keeps_one_ = false;        // One of them for want of room, as the room has been told.
  std::unordered_map<std::uint64_t, std::uint64_t> keys_;  // Of ids, if addresses are counted.
  std::unique_ptr<Introductions> introductions_;           // Made for the first of them.
  std::unordered_map<const Session*, Session::Child*> children_;
  bool quiet_ = false;  // Perhaps nobody is left, or a placement's number has changed.
  std::size_t counted_open_ = 0;
  std::uint64_t counted_closed_ = 0;
  bool paused_ = false;
  bool told_full_ = false;
  bool told_memory_ = false;
  bool told_limit_ = false;
  bool told_resources_ = false;
  std::int64_t rested_at_ = 0;
  std::int64_t drain_ = -1;  // Once stopping: the shortest time that was asked for.
  std::int64_t drain_deadline_ = 0;
  bool cutting_ = false;
  std::vector<std::uint64_t> lingered_;  // Ids of those who did when the stop began.
  DrainEnd drain_end_;
  Tick tick_;
  base::List<Unflushed> spare_outboxes_;

  std::mutex posted_mutex_;
  base::List<Operation> posted_;
};

}  // namespace weir::detail
