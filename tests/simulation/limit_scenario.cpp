// More clients than may be served at once, on every model that can, and clients who may not come
// at all: by how many they are, by their address, by their network.
#include <map>
#include <memory>
#include <string>

#include <weir/time.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/limits.h"

namespace simulation_tests {
namespace {

/// How many handlers run, for each of some keys.
using Crowd = std::map<std::string, unsigned>;

/// A handler's place in it.
class Presence {
 public:
  Presence(World& world, Crowd& crowd, const std::string& key, unsigned most)
      : place_(crowd[key]) {
    world.check(++place_ <= most, "no more are served at once than may be");
  }
  ~Presence() { --place_; }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  unsigned& place_;
};

Task<> echo_among(World& world, Connection& peer, Crowd& crowd, unsigned most) {
  const Presence presence(world, crowd, "", most);
  co_await echo(peer);
}

/// What became of the clients of a world. Shared: a fault may end the scenario before them.
struct Tally {
  std::uint64_t served = 0;
  std::uint64_t refused = 0;
  std::map<std::string, unsigned> refused_from;
};

Task<> come(World& world, SimulatedServer server, weir::Endpoint from, bool may_be_refused,
            std::shared_ptr<Tally> tally) {
  co_await weir::sleep_for(std::chrono::microseconds(world.random(50'000)));
  const Client client = co_await world.connect(server, from);
  const bool is_served = co_await ask(world, *client, may_be_refused);
  ++(is_served ? tally->served : tally->refused);
  if (!is_served) ++tally->refused_from[from.text()];
  if (is_served && world.random(2) == 0) {
    co_await weir::sleep_for(std::chrono::milliseconds(world.random(100)));
  }
}

bool is_unix(const SimulatedServer& server) {
  return server.endpoint().family == weir::Endpoint::Family::unix_socket;
}

/// Threads: of a dead process the handlers would still be counted.
Serving crowded(World& world, unsigned workers) {
  Serving serving = any_serving(world);
  serving.options.worker_kind = weir::WorkerKind::thread;
  serving.options.workers = 1 + static_cast<unsigned>(world.random(workers));
  return serving;
}

}  // namespace

Task<> crowd_scenario(World& world) {
  const auto crowd = std::make_shared<Crowd>();
  Serving serving = crowded(world, 2);
  const unsigned most = 1 + static_cast<unsigned>(world.random(3));
  serving.options.connections_max = most;
  serving.options.backlog = 1 + static_cast<int>(world.random(20));
  const bool rejects = world.random(3) == 0;
  if (rejects) serving.options.overload = weir::Overload::reject;
  if (world.random(4) == 0) serving.model = weir::Model::iterative;
  const auto handler = [&world, crowd, most](Connection& peer) {
    return echo_among(world, peer, *crowd, most);
  };
  const SimulatedServer server = world.serve(handler, serving);
  const auto tally = std::make_shared<Tally>();
  std::vector<Task<>> clients;
  for (std::uint64_t left = 2 + world.random(8); left > 0; --left) {
    clients.push_back(come(world, server, {}, rejects, tally));
  }
  const std::size_t count = clients.size();
  co_await all_of(world, std::move(clients));
  const weir::Statistics seen = server.statistics();
  world.check(seen.open_peak <= most, "the limit holds over all workers");
  if (!world.intact()) co_return;
  world.check(
      seen.refused_full + seen.refused_descriptors == tally->refused &&
          seen.refused() == tally->refused,
      "who is refused at connections_max, or for want of descriptors, is counted as such");
  world.check(seen.refused_descriptors == 0 || world.struck(Fault::accept_error) > 0,
              "there were descriptors");
  if (rejects) {
    count_limit(Limit::full_reject, seen.refused_full);
    count_limit(Limit::descriptors, seen.refused_descriptors);
  } else {
    count_limit(Limit::full_pause, seen.open_peak == most && count > most ? 1 : 0);
  }
}

namespace {

Task<> echo_by_address(World& world, Connection& peer, Crowd& crowd, unsigned most) {
  weir::Endpoint who = peer.peer();
  who.port = 0;
  const bool is_known = who.family == weir::Endpoint::Family::ipv4;  // And not gone already.
  const Presence presence(world, crowd, who.text(), is_known ? most : 1'000);
  co_await echo(peer);
}

}  // namespace

Task<> address_scenario(World& world) {
  const auto crowd = std::make_shared<Crowd>();
  Serving serving = crowded(world, 3);
  const unsigned most = 1 + static_cast<unsigned>(world.random(2));
  serving.options.connections_per_address = most;
  const auto handler = [&world, crowd, most](Connection& peer) {
    return echo_by_address(world, peer, *crowd, most);
  };
  const SimulatedServer server = world.serve(handler, serving);
  const bool limits = !is_unix(server);
  const auto tally = std::make_shared<Tally>();
  std::vector<Task<>> clients;
  std::map<std::string, unsigned> clients_from;
  for (std::uint64_t left = 2 + world.random(9); left > 0; --left) {
    const auto from =
        weir::Endpoint::parse("10.0.2." + std::to_string(1 + world.random(3)) + ":0");
    ++clients_from[from.text()];
    clients.push_back(come(world, server, from, limits, tally));
  }
  co_await all_of(world, std::move(clients));
  if (!world.intact()) co_return;
  const weir::Statistics seen = server.statistics();
  world.check(seen.refused_address == tally->refused && seen.refused() == tally->refused,
              "who is refused for his address is counted as such");
  for (const auto& [from, count] : clients_from) {
    world.check(count > most || tally->refused_from[from] == 0,
                "nobody is refused for what others do");
  }
  count_limit(Limit::per_address, tally->refused);
}

namespace {

struct Source {
  const char* address;
  unsigned within;  ///< bits: which of `networks` hold it
};
constexpr const char* networks[] = {"10.0.2.0/24", "10.0.2.7", "10.0.0.0/8", "10.0.3.0/25",
                                    "2001:db8::/32"};
constexpr Source sources[] = {{"10.0.2.7:0", 0b00111},
                              {"10.0.2.8:0", 0b00101},
                              {"10.0.3.5:0", 0b01100},
                              {"10.0.3.200:0", 0b00100},
                              {"192.0.2.1:0", 0}};

/// Some of them, as bits.
unsigned some_networks(World& world, std::uint64_t one_in) {
  unsigned bits = 0;
  for (unsigned i = 0; i < std::size(networks); ++i) {
    bits |= world.random(one_in) == 0 ? 1u << i : 0;
  }
  return bits;
}

std::vector<weir::Network> listed(unsigned bits) {
  std::vector<weir::Network> list;
  for (unsigned i = 0; i < std::size(networks); ++i) {
    if ((bits >> i & 1) != 0) list.push_back(weir::Network::parse(networks[i]));
  }
  return list;
}

}  // namespace

Task<> network_scenario(World& world) {
  Serving serving = any_serving(world);
  const unsigned allowed = some_networks(world, 3), denied = some_networks(world, 4);
  serving.options.allow = listed(allowed);
  serving.options.deny = listed(denied);
  const SimulatedServer server = world.serve(echo, serving);
  const auto let_in = std::make_shared<Tally>(), kept_out = std::make_shared<Tally>();
  std::vector<Task<>> clients;
  std::uint64_t outsiders = 0;
  for (std::uint64_t left = 2 + world.random(6); left > 0; --left) {
    const Source& source = sources[world.random(std::size(sources))];
    const bool may_come = is_unix(server) || ((source.within & denied) == 0 &&
                                              (allowed == 0 || (source.within & allowed) != 0));
    outsiders += may_come ? 0 : 1;
    clients.push_back(come(world, server, weir::Endpoint::parse(source.address), !may_come,
                           may_come ? let_in : kept_out));
  }
  co_await all_of(world, std::move(clients));
  world.check(kept_out->served == 0, "nobody is served who is kept out");
  if (!world.intact()) co_return;
  const weir::Statistics seen = server.statistics();
  world.check(seen.refused_network == outsiders && seen.refused() == outsiders,
              "who is kept out is counted as such");
  count_limit(Limit::networks, outsiders);
}

}  // namespace simulation_tests
