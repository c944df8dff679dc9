// scenarios.h - what the campaigns explore: a server, its clients, and what must hold.
#pragma once

#include <span>
#include <string_view>

#include <weir/simulation.h>

namespace simulation_tests {

using weir::Chunk;
using weir::Client;
using weir::Connection;
using weir::Task;
using weir::simulation::Fault;
using weir::simulation::Faults;
using weir::simulation::Serving;
using weir::simulation::World;
using SimulatedServer = weir::simulation::Server;

Task<> echo_scenario(World& world);
Task<> line_scenario(World& world);
Task<> closing_scenario(World& world);
Task<> proxy_scenario(World& world);
Task<> broadcast_scenario(World& world);
Task<> deadline_scenario(World& world);
Task<> drain_scenario(World& world);
Task<> limit_scenario(World& world);
Task<> relay_scenario(World& world);
Task<> introduction_scenario(World& world);
Task<> batch_scenario(World& world);
Task<> gossip_scenario(World& world);

struct NamedScenario {
  std::string_view name;
  Task<> (*run)(World&);
};
std::span<const NamedScenario> scenarios() noexcept;

/// All of them: which one, the seed decides.
Task<> any_scenario(World& world);

/// Receives until this many bytes are there, or the peer has finished.
Task<std::string> receive_bytes(Connection& peer, std::size_t count);
/// Receives until the peer has finished; the second one with pauses, or not, as the seed has it.
Task<std::string> receive_all(Connection& peer);
Task<std::string> receive_at_some_pace(World& world, Connection& peer);
/// Sends the text in pieces, with pauses, and finishes.
Task<> send_in_pieces(World& world, Connection& peer, std::string_view text);
/// Ordinary options, as the seed has them: workers, processes or threads.
Serving any_serving(World& world);

}  // namespace simulation_tests
