// connection.h - what a handler sees of its client.
//
//     weir::Task<> echo(weir::Connection& peer) {
//       while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
//     }
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/chunk.h>
#include <weir/endpoint.h>
#include <weir/error.h>
#include <weir/scope.h>
#include <weir/task.h>

namespace weir {

class Connection;

namespace detail {

using Piece = std::span<const std::byte>;
inline Piece as_piece(Piece bytes) noexcept { return bytes; }
inline Piece as_piece(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
template <std::size_t Size>
Piece as_piece(const char (&literal)[Size]) noexcept {
  return as_piece(std::string_view(literal));
}

/// What `co_await peer.receive()` awaits.
class [[nodiscard("receive() does nothing until it is awaited")]] Receive {
 public:
  explicit Receive(Connection& connection) noexcept : connection_(connection) {}
  bool await_ready() const noexcept { return false; }
  template <HasScope P>
  bool await_suspend(std::coroutine_handle<P> awaiting) noexcept {
    return start(awaiting, *awaiting.promise().scope);
  }
  Chunk await_resume();

 private:
  /// False: bytes are there already, and the coroutine goes on without suspending.
  bool start(std::coroutine_handle<> awaiting, Scope& scope) noexcept;

  Connection& connection_;
};

class SendWait;

/// What `co_await peer.send(...)` awaits: Count pieces, or one chunk given away.
template <std::size_t Count>
class [[nodiscard("send() does nothing until it is awaited")]] Send;

class SendBase {
 public:
  explicit SendBase(Connection& connection) noexcept : connection_(&connection) {}
  template <HasScope P>
  void await_suspend(std::coroutine_handle<P> awaiting) noexcept {
    suspend(awaiting, *awaiting.promise().scope);
  }
  void await_resume() {
    if (wait_ != nullptr) [[unlikely]]
      finish_wait();
  }

 protected:
  bool start(Piece bytes);
  bool start(std::span<const Piece> pieces);
  bool start(Chunk&& chunk);
  bool start_finish();
  void suspend(std::coroutine_handle<> awaiting, Scope& scope) noexcept;

 private:
  /// Throws what the wait ended with.
  void finish_wait();

  union {
    Connection* connection_;  ///< Until it has started;
    SendWait* wait_;          ///< after that what it waits for, if anything.
  };
};

template <std::size_t Count>
class Send final : public SendBase {
 public:
  template <class... Pieces>
  explicit Send(Connection& connection, const Pieces&... pieces) noexcept
      : SendBase(connection), pieces_{pieces...} {}
  bool await_ready() {
    if constexpr (Count == 1) return start(pieces_[0]);
    return start(std::span<const Piece>(pieces_));
  }

 private:
  std::array<Piece, Count> pieces_;
};

class [[nodiscard("send() does nothing until it is awaited")]] SendChunk final : public SendBase {
 public:
  SendChunk(Connection& connection, Chunk&& chunk) noexcept
      : SendBase(connection), chunk_(std::move(chunk)) {}
  bool await_ready() { return start(std::move(chunk_)); }

 private:
  Chunk chunk_;
};

class [[nodiscard("finish() does nothing until it is awaited")]] Finish final : public SendBase {
 public:
  using SendBase::SendBase;
  bool await_ready() { return start_finish(); }
};

}  // namespace detail

/// One client, as its handler sees it; or, from connect(), one server, as its client sees it.
///
/// Owned by the server (see connect() for its own rule) and valid until the handler has
/// returned. Neither copied nor moved. Belongs to the thread that runs the handler: no call may
/// come from another thread; a Channel carries messages between threads.
///
/// Every await may throw IoError: ECONNRESET, ETIMEDOUT, EPIPE as in tcp(7), or
/// operation_canceled when the server stops or another branch of a when_any was first. What
/// became of bytes that were queued earlier shows at the next send() or finish().
class Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Yields the next bytes from the peer, or an empty chunk when it has finished sending
  /// (half-close; sending is still possible). On loop models it does not suspend when bytes are
  /// there already, as long as the fairness budget lasts (Options::budget_operations).
  /// A byte that the peer marked urgent is a byte like any other (RFC 6093, SO_OOBINLINE).
  /// One receive at a time: a second one while the first waits is a bug and ends the process.
  detail::Receive receive() noexcept { return detail::Receive(*this); }

  /// Sends bytes or text; several pieces go out as one. The memory is free for reuse when the
  /// await returns, which does not mean that the peer has it: the bytes are in the outbox or
  /// in the kernel. Small sends are copied and go out together, in one system call, when the
  /// handler next waits; large ones (4 KiB and up) are not copied but waited for. Waits while
  /// the outbox is above its high-water mark (Options::outbox_high).
  /// If a large send is cancelled half-way the stream is cut: every later send throws EPIPE.
  detail::Send<1> send(std::span<const std::byte> bytes) noexcept {
    return detail::Send<1>(*this, bytes);
  }
  detail::Send<1> send(std::string_view text) noexcept {
    return detail::Send<1>(*this, detail::as_piece(text));
  }
  detail::Send<1> send(const char* text) noexcept { return send(std::string_view(text)); }
  detail::Send<1> send(const Chunk& chunk) noexcept { return send(chunk.bytes()); }
  /// Gives the chunk away: its lease goes to the outbox, without a copy. (Below 512 bytes it is
  /// copied: that is cheaper than to hold its buffer.)
  detail::SendChunk send(Chunk&& chunk) noexcept {
    return detail::SendChunk(*this, std::move(chunk));
  }
  template <class First, class Second, class... More>
  detail::Send<2 + sizeof...(More)> send(const First& first, const Second& second,
                                         const More&... more) noexcept {
    return detail::Send<2 + sizeof...(More)>(*this, detail::as_piece(first),
                                             detail::as_piece(second), detail::as_piece(more)...);
  }

  /// Half-close: when the outbox is empty, tells the peer that nothing more will come (FIN,
  /// shutdown(2) with SHUT_WR). Receiving goes on. A later send throws EPIPE.
  /// Not needed at the end of a handler, which does the same.
  detail::Finish finish() noexcept { return detail::Finish(*this); }

  /// Gives the connection up: what is unsent is thrown away, every await on it, pending or
  /// later, fails with ECONNRESET, and when the handler has returned the peer gets a reset (RST)
  /// instead of a FIN. For peers that broke the protocol or do not keep up.
  void reset() noexcept;

  /// The peer's address, and the one it reached us at (getpeername(2), getsockname(2)): one
  /// system call each. Family `none` when the peer has gone already.
  Endpoint peer() const;
  Endpoint local() const;

  /// Unique in the server's lifetime and process; for logs and keys.
  std::uint64_t id() const noexcept { return id_; }

  /// Bytes that wait to be sent.
  std::size_t outbox_size() const noexcept;

  /// Starts a task that belongs to this connection: it runs beside the handler, on the same
  /// thread. When the handler ends, the task is cancelled and awaited before the session ends,
  /// so it may use the connection and everything that outlives the handler; what is local to
  /// the handler it may use only if the handler awaits its end (see when_all).
  /// An exception that leaves it cancels the handler and ends the session.
  void spawn(Task<> task);

 protected:
  explicit Connection(std::uint64_t id) noexcept : id_(id) {}
  ~Connection() = default;

 private:
  std::uint64_t id_;
};

}  // namespace weir
