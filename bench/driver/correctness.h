// correctness.h - before anything is measured: does every byte come back?
#pragma once

#include <cstdint>

namespace bench {

/// Sends messages of random sizes over several connections at once (or one after the other), reads
/// slower than it writes, half-closes, and compares every byte. Throws what is wrong.
void check_echo(int port, bool one_client, std::uint64_t seed);

}  // namespace bench
