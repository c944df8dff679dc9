// faults.h - what can go wrong in a simulated network, and how often.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::simulation {

/// The first are harmless to a correct handler; from `reset` on they break connections, and a
/// scenario that meets one ends early, without having failed, when an IoError leaves it.
enum class Fault : std::uint8_t {
  split,            ///< bytes sent together arrive in pieces, down to one byte
  short_send,       ///< the kernel takes a part only
  short_receive,    ///< a receive ends before the bytes that are there do
  delay,            ///< a segment takes longer than the one before
  stall,            ///< nothing moves for up to two seconds, then goes on
  spurious,         ///< readiness that is not true
  disorder,         ///< readiness and completions reported in any order
  interrupted,      ///< a wait that ends early (EINTR)
  accept_error,     ///< EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR
  buffers_out,      ///< io-uring: no buffer left
  held_descriptor,  ///< a closed descriptor lives on in another process for a while
  half_close,       ///< a peer that finished sending is still sent to (counted only)
  clock_leap,       ///< the clock jumps forward, as after a suspend
  reset,            ///< a connection is reset at any byte
  vanish,           ///< a peer is gone without a word
  refused,          ///< connect: ECONNREFUSED
  connect_timeout,  ///< connect: ETIMEDOUT
  receive_error,    ///< ECONNRESET, ETIMEDOUT, ENOBUFS, ENOMEM
  send_error,       ///< ECONNRESET, EPIPE, ETIMEDOUT, ENOBUFS, ENOMEM
  memory,           ///< a coroutine frame cannot be had
  stop,             ///< a server is told to stop, with some time to drain
  worker_death,     ///< a worker process dies and is replaced
};
constexpr std::size_t fault_count = 22;

/// "short-send"
std::string_view name(Fault fault) noexcept;
/// Whether connections break by it.
bool breaks(Fault fault) noexcept;

/// The probability of each fault at each opportunity for it. 0 switches it off.
class Faults {
 public:
  /// The defaults: what the table in docs/TESTING.md says.
  Faults() noexcept;
  /// Everything off: a network that works.
  static Faults none() noexcept;
  /// All of them. With `memory` and `stop` a handler may end half-way and in good order, so that
  /// a peer sees the end of the stream too early; both are off by default.
  static Faults hostile() noexcept;
  /// The harmless ones only.
  static Faults harmless() noexcept;

  double& operator[](Fault fault) noexcept { return rates_[static_cast<std::size_t>(fault)]; }
  double operator[](Fault fault) const noexcept {
    return rates_[static_cast<std::size_t>(fault)];
  }

  /// Links take from `latency_min` to `latency_max` one way, drawn for each connection.
  std::chrono::nanoseconds latency_min{std::chrono::microseconds(20)};
  std::chrono::nanoseconds latency_max{std::chrono::milliseconds(50)};

 private:
  std::array<double, fault_count> rates_{};
};

}  // namespace weir::simulation
