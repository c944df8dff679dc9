// socket.h - what an engine knows of one listener or connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weir/operation.h>

namespace weir::detail {

class Buffer;

/// What somebody waits for, or what a poller says of a socket. Bits.
namespace interest {
constexpr std::uint8_t receive = 1;
constexpr std::uint8_t send = 2;
/// Of an event: a short read may have left something behind.
constexpr std::uint8_t mislead = 4;
}  // namespace interest

/// Belongs to an acceptor or a session, which must keep it in place until closed() is called.
struct Socket {
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// The engine has let go: the descriptor is closed, nothing of ours is in the kernel's hands.
  virtual void closed() noexcept = 0;
  /// The kernel did not take these staged bytes, or failed with -error (see Engine::stage).
  virtual void unsent(std::span<const std::byte> bytes, int error) noexcept;

  /// 0: it is no connection. Constant, so other threads may ask.
  virtual std::uint64_t connection_id() const noexcept { return 0; }

  int fd = -1;

  // What we believe: try the call first, or wait to be told? Readiness and blocking engines.
  bool may_receive = true;
  bool may_send = true;
  /// The interest the poller has told the kernel of; the poller's own.
  std::uint8_t watched = 0;
  /// Size class of the next receive buffer: follows the sizes that come in.
  std::uint8_t buffer_class = 0;

  // Seldom asked, so they share two bytes: there is one of this for each idle connection.
  bool is_listener : 1 = false;
  bool is_tcp : 1 = false;
  /// Read to the end of what is there, also after a short read (see ReadinessEngine::receive).
  bool short_reads_mislead : 1 = false;

  // completion engine
  bool armed : 1 = false;    ///< an accept or receive is in the kernel
  bool on_hold : 1 = false;  ///< a listener of which nobody accepts for now
  bool ended : 1 = false;    ///< the kernel has reported the end of the stream, or an error
  bool closing : 1 = false;
  bool silent : 1 = false;  ///< a small send is with the ring, which says nothing if it is well
  bool unread : 1 = false;  ///< the last receive left something, and the kernel goes on
  std::uint8_t in_kernel = 0;  ///< requests that still point at this socket
  union {
    std::uint8_t queued = 0;  ///< buffers in `received`
    /// blocking engine: receives in a row that were called off before anybody had asked for them
    std::uint8_t passed_over;
  };
  std::int16_t ending = 0;  ///< if ended: 0 or -errno, still to be delivered

  /// The session's own: the last time it sent, in ticks, to 16 bits.
  std::uint16_t sent_at = 0;

  /// What is parked here, if anything: an accept, connect or receive, and a send or connect.
  Operation* reader = nullptr;
  Operation* writer = nullptr;

  /// completion engine: received and not yet asked for; once closed, the next one of whom nobody
  /// has been told. Others: the poller's slot.
  union {
    Buffer* received = nullptr;
    Socket* next_closed;
    std::uint32_t slot;
  };

 protected:
  ~Socket() = default;
};

/// Where the operation is noted on its socket while it is pending.
inline Operation*& place_on_socket(Operation& operation) noexcept {
  return operation.receives() ? operation.socket->reader : operation.socket->writer;
}

}  // namespace weir::detail
