// campaign.h - a scenario, explored, with what has to hold of the exploration itself.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>

#include <weir/simulation.h>

namespace simulation_tests {

using weir::Chunk;
using weir::Client;
using weir::Connection;
using weir::Task;
using weir::simulation::Exploration;
using weir::simulation::Fault;
using weir::simulation::Faults;
using weir::simulation::Report;
using weir::simulation::Scenario;
using weir::simulation::Serving;
using weir::simulation::World;

/// Explores; a failing seed fails the test, with its trace. What struck is added to the sums
/// that the last campaign judges.
Report campaign(const Exploration& exploration, const Scenario& scenario);

/// How often each fault struck, in all explorations of this program.
const std::array<std::uint64_t, weir::simulation::fault_count>& struck_so_far();

/// Receives until this many bytes are there, or the peer has finished.
Task<std::string> receive_bytes(Connection& peer, std::size_t count);
/// Receives until the peer has finished.
Task<std::string> receive_all(Connection& peer);

}  // namespace simulation_tests
