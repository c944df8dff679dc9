// client.h - the client side: connections to one server, and the loads that are put on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "posix.h"

namespace bench {

/// What one turn under load has brought.
struct Turn {
  std::int64_t requests = 0;
  std::int64_t wall_ns = 0;
  std::vector<std::uint32_t>
      latencies_ns;  // Open loop only; counted from the intended send time.
};

Fd connect_to(int port);  // Blocking, TCP_NODELAY.

/// Connections to one server, used for one turn after another. It never sleeps in a turn
/// unless told to: waiting is polling, so that its own wake-ups are no part of what is measured.
/// Between turns nothing is in flight.
class Client {
 public:
  /// Opens the connections and has one request answered on each, so that all have been accepted;
  /// a few at a time, so that a server with many of them never meets a flood.
  Client(int port, int connections, std::size_t message_size);

  /// Off: waits in the kernel instead, which leaves the CPU to others.
  void poll_only(bool on) { wait_ms_ = on ? 0 : 1; }

  /// Every connection keeps `depth` requests outstanding until the time is over; then the last
  /// replies are waited for.
  Turn closed_loop(std::int64_t duration_ns, int depth);
  /// As above, for an exact number of requests over all connections.
  Turn exactly(std::int64_t requests, int depth);
  /// A request every 1/rate seconds, over the connections in turn, whether replies come or not.
  Turn open_loop(std::int64_t duration_ns, double rate);
  /// Connect, one request, close, with `at_once` clients at a time; needs no connections.
  Turn churn(std::int64_t duration_ns, int at_once);

 private:
  struct Connection {
    Fd fd;
    std::size_t unsent = 0;              // Bytes still to be written.
    std::size_t unread = 0;              // Bytes of replies still to come.
    std::vector<std::int64_t> intended;  // Open loop: when the outstanding requests were due.
    std::size_t oldest = 0;              // Index of the first of them that has no reply.
    bool echoed = false;                 // Churn: the reply has come.
  };

  void add(Fd fd);
  void request(Connection& connection, std::size_t count);
  void flush(Connection& connection);
  std::size_t receive(Connection& connection);  // Returns replies completed.
  Turn run(std::int64_t deadline_ns, std::int64_t requests_max, int depth, std::size_t first = 0);
  void record(Connection& connection, std::size_t replies, std::int64_t now, Turn& turn);
  void start_short(std::size_t slot);
  bool step_short(Connection& connection);  // Returns whether this one is over.

  int port_;
  std::size_t message_size_;
  int wait_ms_ = 0;
  Fd epoll_;
  std::vector<Connection> connections_;
};

}  // namespace bench
