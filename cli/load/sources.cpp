#include "cli/load/sources.h"

namespace weir::cli {

Sources::Sources(const Endpoint& server, std::uint64_t connections, unsigned worker)
    : several_(server.family == Endpoint::Family::ipv4 && server.address[0] == 127 &&
               (connections == 0 || connections > ports_each)),
      place_(worker * 1'000 * ports_each) {}

Endpoint Sources::next() {
  Endpoint from;
  if (!several_) return from;
  // 127.0.0.2 to 127.250.250.251: more than there can be connections.
  const std::uint64_t number = place_++ / ports_each;
  from.family = Endpoint::Family::ipv4;
  from.address[0] = 127;
  from.address[1] = static_cast<std::uint8_t>(number / 62'500 % 250);
  from.address[2] = static_cast<std::uint8_t>(number / 250 % 250);
  from.address[3] = static_cast<std::uint8_t>(number % 250 + 2);
  return from;
}

}  // namespace weir::cli
