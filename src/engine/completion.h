// completion.h - the engine over io_uring: the kernel performs the operations.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/batching.h"
#include "engine/engine.h"
#include "engine/spin.h"
#include "kernel/ring.h"

namespace weir::detail {

class RingBuffers;

/// One ring, one enter a turn: it hands over what the last turn's handlers asked for and waits.
/// Receives are multishot, and accepts where no other worker shares the listener: armed once, they
/// go on telling. What is received before anybody asks waits on its socket, a few buffers at most;
/// then the receive is called off until the handler has caught up.
class CompletionEngine final : public Engine {
 public:
  /// Throws std::system_error when no ring can be had.
  CompletionEngine(const EngineOptions& options, kernel::Calls& calls, kernel::Waker& waker);
  ~CompletionEngine() override;

  bool start(Operation& operation) override;
  void cancel(Operation& operation) noexcept override;
  void turn(bool may_sleep) override;
  void adopt(Socket& socket) override;
  bool wind_up(Socket& listener) noexcept override;
  void look_again(Socket& listener) noexcept override;
  void hold_accepts(Socket& listener) noexcept override;
  void close(Socket& socket) noexcept override;
  void flush_staged(Socket& socket) noexcept override;
  void flush_begun() noexcept override { flush(); }
  void settle(Socket& socket) noexcept override;
  std::size_t unread(Socket& socket) noexcept override;
  std::size_t leased() const noexcept override;

 private:
  // What a completion is of: the low bits of the data that comes back.
  enum Tag : std::uint64_t {
    to_operation = 0,
    to_receive = 1,
    to_accept = 2,
    to_poll = 3,
    to_close = 4,
    to_wake = 5,
    to_silent = 6,
    to_timer = 7,  // The last that fits.
    tag_bits = 7
  };
  static std::uint64_t tagged(void* pointer, Tag tag) noexcept {
    return reinterpret_cast<std::uintptr_t>(pointer) | tag;
  }

  /// A small send that is in the ring. Its bytes stay until it is known to be well, which is when
  /// everything was handed over and nothing was said of it.
  struct Silent {
    Socket* socket = nullptr;  // Nobody's: it was said how it ended.
    const std::byte* bytes = nullptr;
    std::size_t size = 0;
  };

  void flush() noexcept {
    if (staged_for() != nullptr) [[likely]]
      send_silently();
    flush_all();
  }
  void send_silently() noexcept;
  void spoke(Silent& silent, std::int32_t result) noexcept;
  void settle_all() noexcept;
  void let_go_of(Silent& silent) noexcept;
  std::size_t reap() noexcept;
  void note_closed(Socket& socket) noexcept;
  void tell_closed() noexcept;

  bool start_connect(Operation& operation) noexcept;
  bool start_send(Operation& operation) noexcept;
  bool sends_at_once(const Socket& socket, std::size_t size) const noexcept;
  bool has_sent(Operation& operation, std::size_t size, std::int64_t sent) noexcept;

  void enter(std::int64_t bound) noexcept;
  void enter_and_spin(std::int64_t bound) noexcept;
  void dispatch(const kernel::Ring::Completion& completion) noexcept;
  void received(Socket& socket, const kernel::Ring::Completion& completion) noexcept;
  void accepted(Socket& socket, const kernel::Ring::Completion& completion) noexcept;
  void readable(Socket& socket, std::int32_t result) noexcept;
  void wake_reported() noexcept {
    wake_armed_ = false;
    waker_.reported();
  }
  void learn(std::int64_t bound, std::size_t came) noexcept;
  bool set_timer(std::int64_t bound) noexcept override;
  void struck(std::int32_t result) noexcept {
    timer_is_polled_ = false;
    timer_.struck();
    if (result < 0) timer_.use(nullptr);  // It cannot be watched: sleeps have bounds.
    found_nothing();
  }
  void receive_into_own(Socket& socket) noexcept;
  void starve_socket(Socket& socket) noexcept;
  std::size_t starving() noexcept override;
  bool serve_starved() noexcept override;
  void finished(Operation& operation, std::int32_t result) noexcept;

  /// Whether its buffers were too small for what came: then it is received from by calls, into
  /// larger ones, and the ring only says when.
  static bool streams(const Socket& socket) noexcept { return socket.buffer_class != 0; }
  static void begin_stream(Socket& socket) noexcept;
  /// Somebody accepts, and not only what is left.
  static void take_off_hold(Socket& socket) noexcept {
    if (!socket.ended) socket.on_hold = false;
  }
  void arm(Socket& socket) noexcept;
  bool take(Operation& operation) noexcept;
  bool take_received(Operation& operation) noexcept;
  void arm_listener(Socket& listener) noexcept;
  bool accepts_at_once(Operation& operation) noexcept;
  void keep_accepted(Socket& listener, int result) noexcept;
  bool take_accepted(Operation& operation) noexcept;
  void accept_rest(Socket& listener) noexcept;
  void wake_reader(Socket& socket) noexcept;
  void append(Socket& socket, Buffer& buffer) noexcept;
  void end_stream(Socket& socket, std::int32_t result) noexcept;
  void close_if_quiet(Socket& socket) noexcept;
  void perform_runnable() noexcept;

  static constexpr std::size_t silent_bytes_most = 65536;

  std::vector<kernel::Ring::Completion> completions_;
  std::array<Silent, 512> silent_;
  std::size_t silent_count_ = 0;
  Socket* closed_ = nullptr;  // Of which nobody has been told.
  std::size_t silent_bytes_used_ = 0;
  const std::unique_ptr<std::byte[]> silent_bytes_;
  std::deque<std::pair<Socket*, int>> accepted_;  // By the kernel, before anybody asked.
  std::deque<Socket*> starved_sockets_;  // Readable, and the limit of memory leaves no buffer.
  RingBuffers& buffers_;                 // The last to be made: nothing after it may throw.
  kernel::Ring& ring_;
  Spin spin_;
  Batching batching_;
  bool resumes_many_ = false;  // This turn.
  bool wake_armed_ = false;
  bool timer_is_polled_ = false;
};

}  // namespace weir::detail
