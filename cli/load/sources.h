// sources.h - the addresses that a load connects from.
#pragma once

#include <cstdint>

#include <weir/endpoint.h>

namespace weir::cli {

/// An address has some 28,000 ports to connect from, and one that was closed rests for a while.
/// On loopback there are more addresses: 127.0.0.2, 127.0.0.3 and so on are used in turn when
/// one would not do. Elsewhere, the system's choice.
class Sources {
 public:
  /// `connections` is how many will be open, or, for churn, opened: 0 means without end.
  /// Workers have numbers from 0 on and use different addresses.
  Sources(const Endpoint& server, std::uint64_t connections, unsigned worker);

  /// The address for the next connection; family none: the system's choice.
  Endpoint next();

 private:
  static constexpr std::uint64_t ports_each = 16'000;

  bool several_;
  std::uint64_t place_;  // Of the next connection in the row of all ports of all addresses.
};

}  // namespace weir::cli
