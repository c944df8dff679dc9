// statistics.h - what a server counted.
#pragma once

#include <cstdint>

namespace weir {

/// Sums over all workers, threads and processes. Counters only grow; the levels, which are marked,
/// go up and down. Connections that handlers open with connect() count in traffic and system
/// calls, not among the connections. docs/LIMITS.md says which limit shows where.
struct Statistics {
  // Connections. accepted = open() + closed, and closed is the sum of the next five, always.
  std::uint64_t accepted = 0;
  std::uint64_t closed = 0;
  std::uint64_t ended = 0;      ///< of the closed: the handler returned
  std::uint64_t failed = 0;     ///< of the closed: the handler ended by an exception, or the
                                ///< connection broke before the last bytes had gone out; or
                                ///< one of the two below
  std::uint64_t cut = 0;        ///< of the closed: ended by a stop before they were done
  std::uint64_t timed_out = 0;  ///< of the closed: ended by a deadline of Options
  std::uint64_t lost = 0;       ///< of the closed: the process that served it died
  std::uint64_t open_peak = 0;  ///< the most that were open at once

  // Of the failed: connections from a proxy (Options::proxy_from) whose handler was never called.
  std::uint64_t proxy_invalid = 0;  ///< what came was no PROXY header
  std::uint64_t proxy_denied = 0;   ///< the client is kept out: allow, deny,
                                    ///< connections_per_address

  // The timed out, by the deadline that passed. The sum may run ahead of `timed_out` by those
  // that are still being closed.
  std::uint64_t timed_out_first_byte = 0;
  std::uint64_t timed_out_idle = 0;
  std::uint64_t timed_out_receive = 0;
  std::uint64_t timed_out_send = 0;
  std::uint64_t timed_out_connection = 0;
  std::uint64_t timed_out_proxy = 0;   ///< Options::proxy_header
  std::uint64_t timed_out_linger = 0;  ///< the handler had returned, and the peer took nothing

  // Refused: closed at once, never served, not among the accepted. By what was reached.
  std::uint64_t refused_full = 0;         ///< connections_max; or the server was stopping
  std::uint64_t refused_address = 0;      ///< connections_per_address
  std::uint64_t refused_network = 0;      ///< allow, deny, proxy_only; or it was gone
  std::uint64_t refused_memory = 0;       ///< there was none, or memory_max was reached
  std::uint64_t refused_descriptors = 0;  ///< the limit of descriptors
  std::uint64_t accept_rests = 0;  ///< times a listener rested for want of descriptors or memory

  // Traffic.
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t receives = 0;  ///< receives that brought something

  // The engine.
  std::uint64_t turns = 0;           ///< times a loop went round
  std::uint64_t events = 0;          ///< operations that ended and whose waiter was resumed
  std::uint64_t budget_stops = 0;    ///< times a handler had to let others go first
  std::uint64_t stalls = 0;          ///< times a handler blocked its loop: Options::stall_after
  std::uint64_t buffers_missed = 0;  ///< io-uring: receives that found no free buffer
  std::uint64_t overflows = 0;       ///< io-uring: times the completion queue was full

  // Memory for bytes on their way (levels, but for the peaks). What the kernel holds, what handlers
  // own, and the buffers that an io-uring worker registers once (4 MiB) are not in it.
  std::uint64_t buffers = 0;            ///< level: leased, to chunks and outboxes
  std::uint64_t buffer_bytes = 0;       ///< level: memory of all buffers, the spare ones too
  std::uint64_t buffer_bytes_peak = 0;  ///< the most that this has been
  std::uint64_t outbox_bytes = 0;       ///< level: copied or leased, and not sent yet
  std::uint64_t outbox_bytes_peak = 0;  ///< the most that one connection has had of these

  std::uint64_t memory_waits = 0;  ///< receives and sends that waited because of memory_max

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
  /// How much a turn had to do, on average.
  double events_per_turn() const noexcept {
    return turns == 0 ? 0 : static_cast<double>(events) / static_cast<double>(turns);
  }
  std::uint64_t open() const noexcept { return accepted - closed; }
  std::uint64_t refused() const noexcept {
    return refused_full + refused_address + refused_network + refused_memory +
           refused_descriptors;
  }
};

}  // namespace weir
