// machine.h - what the kernel knows and a program cannot guess.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::os {

/// 64 bits that nobody can guess (getrandom(2)).
std::uint64_t random_seed() noexcept;

}  // namespace weir::os
