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
#include <utility>

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
Piece as_piece(const char (&array)[Size]) noexcept {
  const std::string_view all(array, Size);
  return as_piece(all.substr(0, all.find('\0')));
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

/// Each hands the bytes over, to the outbox or the kernel, and returns what is still to be waited
/// for; nullptr: nothing. A large send is handed over when the wait begins.
SendWait* send(Connection& connection, Piece bytes);
SendWait* send(Connection& connection, std::span<const Piece> pieces);
SendWait* send(Connection& connection, Chunk&& chunk);
SendWait* finish(Connection& connection);

}  // namespace detail

/// What `co_await peer.send(...)` and `co_await peer.finish()` await. Destroyed without being
/// awaited it waits for nothing, and a large send that has not begun is not sent.
class [[nodiscard("send() and finish() have to be awaited")]] Sending {
 public:
  explicit Sending(detail::SendWait* wait) noexcept : wait_(wait) {}
  Sending(Sending&& other) noexcept : wait_(std::exchange(other.wait_, nullptr)) {}
  Sending& operator=(Sending&&) = delete;
  ~Sending() {
    if (wait_ != nullptr) [[unlikely]]
      drop();
  }
  bool await_ready() { return wait_ == nullptr || begin(); }
  template <detail::HasScope P>
  void await_suspend(std::coroutine_handle<P> awaiting) noexcept {
    suspend(awaiting, *awaiting.promise().scope);
  }
  void await_resume() {
    if (wait_ != nullptr) [[unlikely]]
      end();
  }

 private:
  bool begin();
  void suspend(std::coroutine_handle<> awaiting, detail::Scope& scope) noexcept;
  void end();  // Throws what the wait ended with.
  void drop() noexcept;

  detail::SendWait* wait_;
};

/// One client, as its handler sees it; or, from connect(), one server, as its client sees it.
///
/// Owned by the server (see connect() for its own rule) and valid until the handler has returned
/// and the tasks that it spawned have ended. Neither copied nor moved. Belongs to the thread that
/// runs the handler: no call may come from another thread; a Channel carries messages between
/// threads.
///
/// When an exception leaves the handler the connection ends as by its return: what was sent is
/// flushed, and the peer sees an orderly end. Where that would look like a whole message call
/// reset() first.
///
/// Every await may throw IoError: ECONNRESET, ETIMEDOUT, EPIPE as in tcp(7), or
/// operation_canceled when the server stops or another branch of a when_any was first; each later
/// await that has to wait then throws it, too. A send() that need not wait goes out even so, alone
/// or first in a when_any: a farewell, say. What became of bytes that were queued earlier shows at
/// the next send() or finish().
class Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Yields the next bytes from the peer, or an empty chunk when it has finished sending
  /// (half-close; sending is still possible). On loop models it does not suspend when bytes are
  /// there already, as long as the fairness budget lasts (Options::budget_operations).
  /// A byte that the peer marked urgent is a byte like any other (RFC 6093, SO_OOBINLINE).
  /// One receive at a time: a second one while the first waits ends the process.
  detail::Receive receive() noexcept { return detail::Receive(*this); }

  /// Sends bytes or text; several pieces go out as one. Has to be awaited: the memory is free for
  /// reuse when the await returns, which does not mean that the peer has it: the bytes are in the
  /// outbox or in the kernel. Small sends are copied at the call and go out together, in one
  /// system call, when the handler next waits; large ones (4 KiB and up) are not copied, and the
  /// await hands them over and waits until they are gone. It also waits while the outbox is above
  /// its high-water mark (Options::outbox_high). Throws at the call what a broken connection has
  /// to say, see above, and std::bad_alloc; then none of these bytes is sent.
  /// Several tasks may send at once: the bytes of each call stay together.
  /// If a large send is cancelled half-way the stream is cut: every later send throws EPIPE.
  Sending send(std::span<const std::byte> bytes) { return Sending(detail::send(*this, bytes)); }
  Sending send(std::string_view text) { return send(detail::as_piece(text)); }
  /// A literal or another array, up to its first NUL; a std::string_view sends all.
  template <std::size_t Size>
  Sending send(const char (&array)[Size]) {
    return send(detail::as_piece(array));
  }
  Sending send(const Chunk& chunk) { return send(chunk.bytes()); }
  /// Gives the chunk away, which is empty then: its lease goes to the outbox, without a copy.
  /// (Below 512 bytes it is copied: that is cheaper than to hold its buffer.)
  Sending send(Chunk&& chunk) { return Sending(detail::send(*this, std::move(chunk))); }
  template <class First, class Second, class... More>
  Sending send(const First& first, const Second& second, const More&... more) {
    const std::array<detail::Piece, 2 + sizeof...(More)> pieces{
        detail::as_piece(first), detail::as_piece(second), detail::as_piece(more)...};
    return Sending(detail::send(*this, pieces));
  }

  /// Half-close: when the outbox is empty, tells the peer that nothing more will come (FIN,
  /// shutdown(2) with SHUT_WR). Receiving goes on. A later send throws EPIPE.
  /// Not needed at the end of a handler, which does the same.
  Sending finish() { return Sending(detail::finish(*this)); }

  /// Gives the connection up: what is unsent is thrown away, every await on it, pending or
  /// later, fails with ECONNRESET, and when the handler has returned the peer gets a reset (RST)
  /// instead of a FIN. For peers that broke the protocol or do not keep up.
  void reset() noexcept;

  /// The peer's address, and the one it reached us at (getpeername(2), getsockname(2)): one
  /// system call each. Family `none` when the peer has gone already. Behind a proxy
  /// (Options::proxy_from) what its header says, without a call: the client's address, and the
  /// one that he reached the proxy at.
  [[nodiscard]] Endpoint peer() const;
  [[nodiscard]] Endpoint local() const;

  /// Unique in the server's lifetime and process; for logs and keys.
  std::uint64_t id() const noexcept { return id_; }

  /// Bytes that wait to be sent.
  [[nodiscard]] std::size_t outbox_size() const noexcept;

  /// Whether the server has been told to end its sessions (Server::stop(), a signal, a restart).
  /// From then on they have the drain time (Options::drain) to end by themselves: answer what was
  /// asked, say that it is the last answer where the protocol can (`Connection: close`, RFC 9112,
  /// section 9.6), and return. Whoever only waits for its client is ended anyhow. The server's
  /// connections learn it at their worker's next turn, on blocking models within a quarter of a
  /// second; those of run() never do.
  [[nodiscard]] bool stopping() const noexcept;

  /// Starts a task that belongs to this connection: it runs beside the handler, on the same
  /// thread. When the handler ends, the task is cancelled and awaited before the session ends,
  /// so it may use the connection and everything that outlives the handler; what is local to
  /// the handler it may use only if the handler awaits its end (see when_all).
  /// An exception that leaves it cancels the handler and ends the session. Cancelled is for good,
  /// see IoError: a loop in it that catches IoError has to pass operation_canceled on.
  void spawn(Task<> task);

 protected:
  explicit Connection(std::uint64_t id) noexcept : id_(id) {}
  ~Connection() = default;

 private:
  std::uint64_t id_;
};

}  // namespace weir
