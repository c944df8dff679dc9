// session.h - a connection plus its running handler: one connection's life.
//
//   accepted -> serving -> [children ending] -> [lingering] -> closing -> closed
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include <weir/connection.h>
#include <weir/operation.h>
#include <weir/scope.h>
#include <weir/task.h>

#include "base/list.h"
#include "engine/socket.h"
#include "session/deadlines.h"
#include "session/outbox.h"

namespace weir::detail {

class Handler;
class Worker;

/// Made by a worker, which deletes it when it is closed. Its memory is what an idle connection
/// costs: everything that is not always needed is behind a pointer.
class Session final : public Connection, public Link, private Socket, private Waiter {
 public:
  struct Child;  ///< a task started by spawn()

  Session(Worker& worker, std::uint64_t id, int fd, bool is_tcp, bool is_client) noexcept;
  ~Session();

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    free_frame(memory, size);
  }

  static Session& of(Connection& connection) noexcept {
    return static_cast<Session&>(connection);
  }

  /// Calls the handler. It runs until its first wait, and may have ended when this returns.
  void serve(Handler& handler) noexcept;
  /// The same behind a proxy: once its header has said who the client is.
  void serve_introduced() noexcept;
  /// Belongs to a Client from now on, which lets go of it by close_client().
  void hold() noexcept { held_ = true; }
  bool held() const noexcept { return held_; }
  /// Ends a client's connection as a handler's return ends a server's.
  void close_client() noexcept;
  /// Nobody is left who could use it, but its Client still holds it: ends it all the same. What
  /// the Client then has is of no use but to be let go of.
  void end_held() noexcept;
  /// Ends a client's connection that never came to be.
  void abandon_client() noexcept {
    mark_reset();
    end();
  }

  // For the awaiters.
  /// False: it has ended already, and take_received() has its result.
  bool start_receive(std::coroutine_handle<> awaiting, Scope& scope) noexcept;
  Chunk take_received();
  SendWait* send(Piece bytes);
  SendWait* send(std::span<const Piece> pieces);
  SendWait* send(Chunk&& chunk);
  SendWait* finish();
  /// True: there is nothing to wait for, or no longer; the wait has its result.
  bool begin_wait(SendWait& wait);

  void reset() noexcept;
  void spawn(Task<> task);
  std::size_t outbox_size() const noexcept;

  // For the outbox, and for whoever witnesses.
  Socket& socket() noexcept { return *this; }
  const Socket& socket() const noexcept { return *this; }
  /// Of the session whose handler this line is, or is part of; nullptr: of none.
  static const Socket* socket_of(const Scope& line) noexcept;
  Worker& worker() const noexcept { return worker_; }
  /// Whether this thread may use it. One whose worker has gone is nobody's.
  bool is_here() const noexcept;
  bool broken() const noexcept { return send_error_ != 0; }
  void note_sent() noexcept;
  void send_failed(int error) noexcept;
  void outbox_emptied() noexcept;
  void outbox_let_go() noexcept;
  void cancel(SendWait& wait) noexcept;

  // For the worker's stop.
  /// Waits for its client, who has been silent for a second; or since this was last asked, and
  /// has an answer to what he said before. The rest of a request may be on its way otherwise, or
  /// the first words of one who has just come. One that waits for a timer or a message, too, may
  /// be at work: there he has an answer, or has said nothing, and silence has lasted for a second.
  bool idle() noexcept;
  /// The same, when there is no time left to listen for a while.
  bool owes_nothing() noexcept;
  /// Has told its peer that all was sent, and only waits for his end.
  bool lingers() const noexcept { return lingering_ && fin_sent_; }
  static constexpr std::int64_t quiet_ns = 1'000'000'000;
  void cancel() noexcept { scope_.cancel(); }
  /// Ends it now, whatever it does; counted as cut.
  void cut() noexcept;
  bool is_client() const noexcept { return is_client_; }

  /// Ends it if a deadline has passed. Returns in how many ticks to look again.
  std::uint32_t look_at_deadlines(const DeadlineTicks& limits) noexcept;

 private:
  class ReceiveOperation final : public CoroutineOperation {
   public:
    ReceiveOperation() noexcept : CoroutineOperation(Kind::receive) {}
  };
  /// What a receive yields without asking the engine: nothing, ordinarily; what came behind a
  /// proxy's header; the error of a connection that was given up.
  enum class AtHand : std::uint8_t { nothing, rest, error };

  /// With nothing unsent: for the client alone, or for a timer or a message, too; or for something
  /// that is under way.
  enum class WaitsFor : std::uint8_t { client, others, service };
  WaitsFor waits_for() const noexcept;
  /// Waits, with nothing unread or unsent, and rests. `is_settled`: he who is waited for alone need
  /// not rest.
  bool may_end(bool is_settled) noexcept;

  bool is_reset() const noexcept { return at_hand_ == AtHand::error; }
  void mark_reset() noexcept { at_hand_ = AtHand::error; }

  bool try_receive(std::coroutine_handle<> awaiting, Scope& scope) noexcept;
  Chunk chunk_received() noexcept;
  Chunk take_otherwise();
  Chunk take_end();
  /// Nothing was heard from the client for quiet_ns; and nothing was sent to it either.
  bool is_silent() const noexcept;
  bool has_rested() const noexcept;
  bool has_lasted(std::uint16_t since) const noexcept;
  bool is_answered() const noexcept;
  void done() noexcept override;  // The handler, or the lingering, has ended.
  void closed() noexcept override;
  void unsent(std::span<const std::byte> bytes, int error) noexcept override;
  void call(Handler& handler) noexcept;
  std::uint64_t connection_id() const noexcept override { return id(); }
  void handler_ended() noexcept;
  void linger_failed(const std::error_code& why) noexcept;
  void child_ended(Child& child) noexcept;
  void end() noexcept;
  /// By us, and by the kernel.
  using Unsent = std::pair<std::size_t, std::size_t>;
  Unsent still_unsent() noexcept;
  Task<> linger();
  void release() noexcept;
  void look_at_progress() noexcept;
  void time_out(TimedOut kind) noexcept;

  Task<> introduce();
  void introduced() noexcept;
  void introduction_failed(const IoError& error) noexcept;
  bool receive_at_hand() noexcept;

  /// A send has to be looked at first: it cannot be, or somebody witnesses it.
  bool send_is_gated() const noexcept { return send_error_ != 0 || send_gate_ != open_gate; }
  bool is_finishing() const noexcept { return (send_gate_ & finishing) != 0; }
  bool is_witnessed() const noexcept { return (send_gate_ & witnessed) != 0; }
  void check_unbroken() const;  // Throws what a send that has failed has to say.
  void check_send() const;      // Throws what a send that cannot be has to say.
  template <class Send>
  SendWait* witness_send(std::span<const Piece> pieces, Send send);
  SendWait* send_gated(Piece bytes);
  SendWait* send_gated(std::span<const Piece> pieces);
  SendWait* send_gated(Chunk&& chunk);
  SendWait* send_open(Piece bytes);
  SendWait* send_open(std::span<const Piece> pieces);
  SendWait* send_open(Chunk&& chunk);
  void tell_given_up() noexcept;
  bool begin_gated(SendWait& wait);
  bool begin_open(SendWait& wait);
  std::byte* stage(std::size_t size) noexcept;
  Outbox& outbox();
  SendWait* send_otherwise(Piece bytes);
  bool copies(std::span<const Piece> pieces, std::size_t total);
  SendWait* wait_for_room();
  bool has_room() const noexcept;
  void queue_staged(Piece staged);

  Worker& worker_;
  ReceiveOperation receive_;
  Task<> task_;  // The handler; later, the lingering.
  Outbox* outbox_ = nullptr;
  [[no_unique_address]] Scope scope_{Scope::Place::handler};  // What follows lies in its padding.
  bool is_client_ : 1;
  bool held_ : 1 = false;         // A Client has it, and must find it.
  bool gone_ : 1 = false;         // Closed, and of no worker any more; the Client deletes it.
  bool introducing_ : 1 = false;  // The handler is not called yet.
  bool heard_ : 1 = false;        // The peer has sent something;
  bool heard_anew_ : 1 = false;   // and since idle() was last asked, and nobody witnesses.
  AtHand at_hand_ : 2 = AtHand::nothing;
  std::int16_t send_error_ = 0;
  static constexpr unsigned accepted_bits = 19, accepted_unit_bits = 3;
  std::uint32_t accepted_at_ : accepted_bits;  // In units of 8 ticks, which are 2 s.
  // Finishing: FIN goes out when the outbox is empty; no further send. Witnessed: by somebody,
  // which is only in a simulation. Together, so that one test finds both.
  static constexpr std::uint32_t open_gate = 0, finishing = 1, witnessed = 2;
  std::uint32_t send_gate_ : 2;
  bool witnessed_anew_ : 1 = false;  // The same where somebody does.
  bool fin_sent_ : 1 = false;
  bool peer_done_ : 1 = false;  // An empty receive was seen.
  bool ending_ : 1 = false;     // The handler has ended.
  bool lingering_ : 1 = false;
  bool cut_ : 1 = false;
  bool failed_ : 1 = false;
  bool has_children_ : 1 = false;  // The worker knows them.
  TimedOut timed_out_ : 3 = TimedOut::no;
};

}  // namespace weir::detail
