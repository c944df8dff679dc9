// What the buffers of a server hold when workers, or children of theirs, die.
#include "engine/memory.h"

#include <array>

#include <gtest/gtest.h>

namespace weir::detail {
namespace {

struct Fixture {
  std::array<Memory::Cell, 3> cells{};
  Memory memory{cells.data(), 2, 1'000'000};
};

// What they had counted of the killed worker they took from its replacement: below zero for good,
// so that the limit was too wide by that much.
TEST(Memory_held, Is_not_lessened_by_children_that_outlive_their_worker) {
  Fixture server;
  Memory& memory = server.memory;
  const Memory::Account child = memory.open(0), other = memory.open(1);
  EXPECT_TRUE(memory.grow(child, 160'000));
  EXPECT_TRUE(memory.grow(other, 1000));
  EXPECT_EQ(memory.held(), 161'000U);
  memory.forget(0);
  EXPECT_EQ(memory.held(), 1000U);
  const Memory::Account replacement = memory.open(0);
  EXPECT_TRUE(memory.grow(replacement, 5000));
  memory.grow_beyond(child, 4096);
  memory.shrink(child, 164'096);
  EXPECT_EQ(memory.held(), 6000U);
  memory.shrink(replacement, 5000);
  memory.shrink(other, 1000);
  EXPECT_EQ(memory.held(), 0U);
  EXPECT_EQ(memory.peak(), 161'000U);
  EXPECT_TRUE(memory.grow(replacement, 1'000'000));
  EXPECT_FALSE(memory.grow(other, 1));
}

TEST(Memory_held, Is_exact_after_more_deaths_than_lives_have_numbers) {
  Fixture server;
  Memory& memory = server.memory;
  for (int death = 0; death < 70'000; ++death) {
    EXPECT_TRUE(memory.grow(memory.open(0), 4096));
    memory.forget(0);
  }
  EXPECT_EQ(memory.held(), 0U);
}

}  // namespace
}  // namespace weir::detail
