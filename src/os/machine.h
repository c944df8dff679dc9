// machine.h - what this machine, or its share of one, has to give.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::os {

/// Bytes of memory that this process may use: what the machine has, or less if its control group
/// says so (cgroups(7), memory.max).
std::uint64_t memory_limit() noexcept;

/// 64 bits that nobody can guess (getrandom(2)).
std::uint64_t random_seed() noexcept;

}  // namespace weir::os
