// random.h - bytes and numbers drawn from a seed: the same in every run, on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace support {

/// SplitMix64 (Steele, Lea, Flood, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  /// From `low` to `high`, both included.
  std::size_t between(std::size_t low, std::size_t high) {
    return low + next() % (high - low + 1);
  }

 private:
  std::uint64_t state_;
};

inline std::string random_bytes(std::uint64_t seed, std::size_t size) {
  std::string bytes(size, '\0');
  Random random(seed);
  for (std::size_t at = 0; at < size; at += 8) {
    std::uint64_t word = random.next();
    for (std::size_t i = at; i < at + 8 && i < size; ++i, word >>= 8U) {
      bytes[i] = static_cast<char>(word & 0xffU);
    }
  }
  return bytes;
}

}  // namespace support
