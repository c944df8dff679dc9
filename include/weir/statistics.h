// statistics.h - what a server counted.
#pragma once

#include <cstdint>

namespace weir {

/// Sums over all workers, threads and processes. Counters only grow. Connections that handlers
/// open with connect() count in traffic and system calls, not among the connections.
struct Statistics {
  // Connections. accepted = closed + open, always.
  std::uint64_t accepted = 0;
  std::uint64_t closed = 0;
  std::uint64_t failed = 0;  ///< of the closed: their handler ended by an exception
  std::uint64_t cut = 0;     ///< of the closed: ended by a stop's deadline, or by Options::linger
                             ///< before the peer had taken the last bytes
  std::uint64_t accept_rests = 0;  ///< times a listener rested for want of descriptors or memory

  // Traffic.
  std::uint64_t receives = 0;  ///< receives that brought something
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;

  // The engine.
  std::uint64_t turns = 0;           ///< times a loop went round
  std::uint64_t budget_stops = 0;    ///< times a handler had to let others go first
  std::uint64_t buffers_missed = 0;  ///< io-uring: receives that found no free buffer
  std::uint64_t overflows = 0;       ///< io-uring: times the completion queue was full

  // System calls by kind, counted where they are made.
  std::uint64_t calls_accept = 0;
  std::uint64_t calls_receive = 0;
  std::uint64_t calls_send = 0;
  std::uint64_t calls_wait = 0;     ///< select, poll, epoll_wait, io_uring_enter, nanosleep
  std::uint64_t calls_control = 0;  ///< epoll_ctl
  std::uint64_t calls_other = 0;    ///< close, shutdown, setsockopt, fork, waitpid, ...

  std::uint64_t calls() const noexcept {
    return calls_accept + calls_receive + calls_send + calls_wait + calls_control + calls_other;
  }
  std::uint64_t open() const noexcept { return accepted - closed; }
};

}  // namespace weir
