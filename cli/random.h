// random.h - random numbers from a seed: the same seed, the same numbers, on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace weir::cli {

/// The splitmix64 generator: one addition and three mixing steps for each 64 bits.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  /// Evenly from 0 to below 1.
  double part() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Evenly from 0 to below `bound`, as nearly as a remainder gives it.
  std::size_t below(std::size_t bound) noexcept { return next() % bound; }
  void fill(std::span<std::byte> bytes) noexcept {
    while (!bytes.empty()) {
      const std::uint64_t word = next();
      const std::size_t count = bytes.size() < sizeof word ? bytes.size() : sizeof word;
      std::memcpy(bytes.data(), &word, count);
      bytes = bytes.subspan(count);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace weir::cli
