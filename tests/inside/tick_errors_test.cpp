// The memory of ticks that were noted late, beside one that forgets nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/tick_errors.h"

namespace weir::detail {
namespace {

struct Noted {
  std::uint32_t at, error;
};

/// The greatest error that was noted in the last `ticks` ticks before `now`.
std::uint32_t greatest(const std::vector<Noted>& all, std::uint32_t now, std::uint32_t ticks) {
  std::uint32_t most = 0;
  for (const Noted& noted : all) {
    if (now - noted.at <= ticks) most = std::max(most, noted.error);
  }
  return most;
}

// Some seldom, some often, so that every memory begins anew at all sorts of times.
TEST(Tick_errors, Are_remembered_for_as_long_as_is_looked_back_and_forgotten_at_last) {
  for (const std::uint32_t stride : {1u, 40u, 300u, 5'000u, 60'000u}) {
    std::minstd_rand engine(stride);
    const auto random = [&engine](std::uint32_t below) {
      return std::uniform_int_distribution<std::uint32_t>(0, below - 1)(engine);
    };
    TickErrors errors;
    std::vector<Noted> all;
    std::uint32_t now = 0;
    for (int i = 0; i < 2'000; ++i) {
      now += 1 + random(stride);
      const std::uint32_t error = random(50) == 0 ? 2 + random(16) : random(2);
      errors.note(now, error);
      all.push_back({now, error});
      const std::uint32_t ticks = random(100'000) >> random(16);
      ASSERT_GE(errors.within(ticks), greatest(all, now, ticks + TickErrors::most));
      // The next longer time that is remembered may be eight times as long, and twice that.
      const std::uint32_t looked_at = 2 * 8 * (ticks + TickErrors::most) + 2 * stride;
      ASSERT_LE(errors.within(ticks), greatest(all, now, std::max(looked_at, 64 + 2 * stride)));
    }
  }
}

}  // namespace
}  // namespace weir::detail
