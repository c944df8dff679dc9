// payload.h - random bytes from a seed: the same seed, the same bytes, on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::demo {

/// The splitmix64 generator: one addition and three mixing steps for each 64 bits.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept;
  /// Evenly from 1 to `most`, as nearly as a remainder gives it.
  std::size_t up_to(std::size_t most) noexcept { return 1 + next() % most; }
  void fill(std::span<std::byte> bytes) noexcept;

 private:
  std::uint64_t state_;
};

}  // namespace weir::demo
