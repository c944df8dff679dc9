// outbox.h - a connection's queue of bytes still to be sent: the textbook's message queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weir/chunk.h>
#include <weir/connection.h>
#include <weir/operation.h>

#include "base/list.h"
#include "engine/engine.h"

namespace weir::detail {

class Session;

/// A coroutine that waits at an outbox: for room, for its own borrowed bytes to be gone, or for
/// everything to be gone. Made only when a send has to wait, or is large.
class SendWait final : public CoroutineOperation {
 public:
  /// Borrows `pieces`: they are sent from where they are.
  static SendWait* make(Session& session, std::span<const Piece> pieces);
  static void free(SendWait* wait) noexcept;

  void cancel() noexcept override;

  /// Whether it ended before anybody waited for it; then nobody needs to.
  bool ended_already() noexcept {
    if (state != State::ended) return false;
    unlink();
    state = State::idle;
    return true;
  }

  Session& session;
  const std::uint32_t piece_count;
  std::uint32_t pieces_left = 0;  ///< borrowed pieces that are still queued
  bool until_empty = false;       ///< waits for the whole outbox, as finish() does
  bool withdrawn = false;         ///< cancelled while its bytes were in the kernel's hands

  std::span<Buffer> pieces() noexcept;

 private:
  SendWait(Session& whose, std::uint32_t count) noexcept
      : CoroutineOperation(Kind::event), session(whose), piece_count(count) {}
  void completed() noexcept override { completed_elsewhere(); }
  static std::size_t size_of(std::size_t count) noexcept {
    return sizeof(SendWait) + count * sizeof(Buffer);
  }
};

/// Exists only while there is something to send: an idle connection has none. Pooled.
///
/// Copies of small sends are gathered in buffers; chunks given away and large sends are queued
/// as they are. At most one send operation is in flight.
class Outbox final : public Unflushed, public Operation {
 public:
  Outbox() noexcept : Operation(Kind::send) {}

  /// Sends of this size and more are not copied.
  static constexpr std::size_t copy_limit = 4096;

  void bind(Session& session) noexcept;

  std::size_t bytes() const noexcept { return bytes_; }
  bool empty() const noexcept { return first_ == nullptr; }
  bool idle() const noexcept { return empty() && waits_.empty() && !Operation::pending(); }

  /// Throws std::bad_alloc; then nothing was queued. False: the limit of memory leaves no room for
  /// it, and nothing was queued; with `beyond` that limit does not hold.
  bool copy(std::span<const Piece> pieces, std::size_t total, bool beyond);
  void take(Chunk&& chunk);
  void borrow(SendWait& wait) noexcept;
  void add_wait(SendWait& wait) noexcept {
    wait.state = State::parked;
    waits_.push_back(wait);
  }

  /// Hands the kernel what is queued.
  void flush() noexcept override;
  /// Throws everything away as soon as the kernel reads none of it; who waits gets the error.
  void fail(int error) noexcept;
  /// Now. Requires: the kernel reads nothing.
  void clear() noexcept;
  /// A wait is cancelled: takes its borrowed bytes back, as far as the kernel lets go of them.
  void withdraw(SendWait& wait) noexcept;

  void completed() noexcept override;

  /// What the kernel had in hand when the session last looked; not since it has taken more.
  static constexpr std::size_t not_looked = SIZE_MAX;
  std::size_t undelivered = not_looked;

 private:
  void push(Buffer& piece) noexcept;
  void count_kept(std::size_t more) noexcept;
  void pop() noexcept;
  void sent(std::size_t count) noexcept;
  void wake_waits() noexcept;

  Session* session_ = nullptr;
  Buffer* first_ = nullptr;
  Buffer* last_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t borrowed_ = 0;  // Of these: not in our memory.
  base::List<SendWait> waits_;
  int error_ = 0;
};

}  // namespace weir::detail
