// instance.h - one entry of a panel, running: its server, its connections, the silent ones.
#pragma once

#include <memory>
#include <optional>

#include "cell.h"
#include "client.h"
#include "panel.h"
#include "process.h"
#include "subject.h"

namespace bench {

/// A child that opens connections, has each answered once, and then holds them without a word. It
/// has descriptors of its own, so that idle connections do not use up the driver's.
class Parked {
 public:
  /// Requires: this process holds no connection to a server, or the child would hold it too.
  Parked(int port, int connections);
  Parked(const Parked&) = delete;
  Parked& operator=(const Parked&) = delete;
  ~Parked();

 private:
  pid_t pid_ = 0;
};

/// What one turn cost and brought.
struct Reading {
  double cpu_ns_per_request = 0;
  double requests_per_second = 0;
  std::vector<std::uint32_t> latencies_ns;  // Open loop only.

  /// 0 where the load has no latencies, and for percentiles of all turns together.
  double value(Metric metric) const;
};

class Instance {
 public:
  /// Starts the server and parks the idle connections.
  Instance(const Entry& entry, const Cell& cell, const Schedule& schedule);

  /// Opens the active connections. Requires: all instances of the panel have been started.
  void connect();
  Reading turn(double rate);
  /// Requests a second that it serves when all connections are busy.
  double highest_rate();

 private:
  Turn load(double rate);

  Cell cell_;
  const Subject& subject_;
  std::optional<Process> upstream_;  // Declared first: it ends last.
  std::optional<Process> server_;
  std::optional<Parked> parked_;
  std::optional<Client> client_;
};

}  // namespace bench
