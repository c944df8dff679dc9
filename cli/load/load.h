// load.h - what `weir load` is asked to do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <weir/endpoint.h>
#include <weir/model.h>

namespace weir::cli {

enum class Protocol : std::uint8_t { echo, http };
enum class Arrivals : std::uint8_t { constant, poisson };

struct Load {
  Endpoint server;
  Protocol protocol = Protocol::echo;
  std::string request;  ///< http: the bytes of every request

  unsigned connections = 64;
  unsigned idle = 0;         ///< further connections that never say anything
  std::size_t message = 64;  ///< echo: bytes of each
  unsigned pipeline = 1;     ///< requests that a connection may have outstanding
  bool churn = false;        ///< connect, one exchange, close
  double rate = 0;           ///< open loop: requests a second over all connections; 0: closed
  Arrivals arrivals = Arrivals::constant;

  std::chrono::nanoseconds warm_up{std::chrono::seconds(1)};
  std::chrono::nanoseconds duration{std::chrono::seconds(5)};
  /// How long a connect, or a reply after the end, is waited for.
  std::chrono::nanoseconds timeout{std::chrono::seconds(5)};

  unsigned workers = 1;
  Model model = Model::automatic;
  std::uint64_t seed = 1;
  bool progress = false;  ///< a line on stderr while it runs
  /// For programs: has every connection answered once before it begins, prints each phase on
  /// stdout, and waits for a line on stdin before it begins and before it closes the connections.
  bool phases = false;

  bool open_loop() const noexcept { return rate > 0; }
};

}  // namespace weir::cli
