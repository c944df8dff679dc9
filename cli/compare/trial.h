// trial.h - one run: a server, a load on it, and the accounts of both.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "cli/compare/comparison.h"
#include "cli/compare/server.h"
#include "cli/load/result.h"

namespace weir::cli {

/// How every run is made.
struct Conditions {
  std::string tool;
  std::vector<std::string> serve_options;
  std::vector<unsigned> server_cpus;
  std::vector<unsigned> load_cpus;
  unsigned load_workers = 1;
  double warm_up_s = 0.2;
  double duration_s = 1;
  std::size_t descriptors = 1024;  ///< the limit for each process
};

/// Why this subject cannot serve this load, if that is known beforehand; else empty.
std::string beyond(const Subject& subject, const Cell& cell, const Conditions& conditions);

class Trials {
 public:
  explicit Trials(const Conditions& conditions) : conditions_(conditions) {}

  /// One run. Throws ChildError when server or load could not do their part.
  Sample run(const Subject& subject, const Cell& cell, std::uint64_t seed);

  /// Whether every byte comes back: messages of one byte, pipelined; and large ones, with
  /// partial sends and full buffers; and whether the server counted what the clients counted.
  Check check(const Subject& subject, std::uint64_t seed);

  /// Clients that this subject has served in run() and check(), and their requests.
  std::uint64_t clients(const std::string& subject) const;
  std::uint64_t requests(const std::string& subject) const;

  static std::string load_command(const Cell& cell, const Conditions& conditions);

 private:
  struct Served {
    std::uint64_t clients = 0;
    std::uint64_t requests = 0;
  };
  struct Measured {
    Result load;
    End end;
    std::int64_t cpu_ns = 0;
    double switches = -1;
    double memory = 0;
  };
  Measured measure(const Subject& subject, const Cell& cell, double warm_up_s, double duration_s,
                   std::uint64_t seed);
  std::uint64_t calls_without_requests(const Subject& subject, const Cell& cell);

  const Conditions& conditions_;
  std::map<std::tuple<std::string, unsigned, unsigned>, std::uint64_t> idle_calls_;
  std::map<std::string, Served> served_;
};

}  // namespace weir::cli
