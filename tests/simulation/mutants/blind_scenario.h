// blind_scenario.h - everybody sends and receives, and nobody looks at a byte.
#pragma once

#include <weir/simulation.h>

namespace simulation_tests {

/// Small and large sends, chunks given away, several pieces at once, both ways. It has no check
/// of its own: whatever is wrong with the bytes, the world has to see.
weir::Task<> blind_scenario(weir::simulation::World& world);

}  // namespace simulation_tests
