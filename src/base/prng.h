// prng.h - random numbers from a seed: the same on every machine and with every compiler.
#pragma once

#include <cstdint>

namespace weir::base {

/// xoshiro256** (Blackman and Vigna, 2018), its state filled by splitmix64 as they advise. Not
/// for secrets.
class Prng {
 public:
  explicit constexpr Prng(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  constexpr std::uint64_t next() noexcept {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// From 0 to limit - 1. Requires: 0 < limit < 2^32. The bias is below limit / 2^32.
  constexpr std::uint64_t below(std::uint64_t limit) noexcept {
    return ((next() >> 32) * limit) >> 32;
  }
  /// From low to high, both included. Requires: high - low < 2^32 - 1.
  constexpr std::int64_t between(std::int64_t low, std::int64_t high) noexcept {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  /// True with this probability. At 0 nothing is drawn.
  constexpr bool chance(double probability) noexcept {
    if (probability <= 0) return false;
    return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t value, int by) noexcept {
    return (value << by) | (value >> (64 - by));
  }

  std::uint64_t state_[4] = {};
};

}  // namespace weir::base
