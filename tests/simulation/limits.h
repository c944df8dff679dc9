// limits.h - the limits of a server in a world: each scenario reaches one of them, and counts it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "tests/simulation/scenarios.h"

namespace simulation_tests {

/// What a client met that was kept waiting, turned away or ended.
enum class Limit : std::uint8_t {
  full_pause,
  full_reject,
  descriptors,
  per_address,
  networks,
  memory_wait,
  memory_pause,
  memory_reject,
  first_byte,
  proxy_header,
  idle,
  receive,
  send,
  connection,
  linger,
};
constexpr std::size_t limit_count = 15;
std::string_view name(Limit limit) noexcept;

/// Over all worlds of this program. From any thread.
void count_limit(Limit limit, std::uint64_t times) noexcept;
std::uint64_t times_reached(Limit limit) noexcept;
/// Of the limits campaign.
std::uint64_t limit_worlds() noexcept;

// What it draws from.
Task<> crowd_scenario(World& world);
Task<> address_scenario(World& world);
Task<> network_scenario(World& world);
Task<> memory_scenario(World& world);
Task<> timeout_scenario(World& world);

/// Says a few bytes and waits for them to come back. False: it was turned away, which only
/// `may_be_refused` explains where no fault has struck.
Task<bool> ask(World& world, Connection& client, bool may_be_refused);

/// Runs these tasks beside the scenario, and waits until all have ended.
Task<> all_of(World& world, std::vector<Task<>> tasks);

/// No deadline, but the one that a scenario is about.
void switch_deadlines_off(weir::Options& options) noexcept;

}  // namespace simulation_tests
