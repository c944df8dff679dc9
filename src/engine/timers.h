// timers.h - deadlines in a hierarchical timing wheel (Varghese and Lauck, 1987).
//
// Adding and removing cost O(1) however many there are: six levels of 64 slots, a level's slot as
// wide as the whole level below. Time is cut in ticks of a millisecond, rounded up: a deadline is
// never early.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <weir/operation.h>

#include "base/list.h"
#include "base/list_array.h"

namespace weir::detail {

class Timers {
 public:
  using List = base::List<Operation>;

  /// `now` in ns, as for all times here.
  explicit Timers(std::int64_t now) noexcept : now_(tick_at_or_before(now)) {}

  bool empty() const noexcept { return count_ == 0; }
  /// Adds an operation of kind wait by its deadline.
  void add(Operation& operation) noexcept;
  /// Requires: it was added and has not expired.
  void remove(Operation& operation) noexcept;

  /// A moment not after the earliest deadline. Requires: not empty.
  std::int64_t next() noexcept;
  /// Moves what is due to the end of `expired`.
  void expire(std::int64_t now, List& expired) noexcept;

 private:
  static constexpr unsigned level_bits = 6;
  static constexpr unsigned slots = 1u << level_bits;
  static constexpr unsigned levels = 6;
  static constexpr std::int64_t tick = 1'000'000;

  static std::uint64_t tick_at_or_before(std::int64_t time) noexcept {
    return static_cast<std::uint64_t>(time) / tick;
  }
  void insert(Operation& operation) noexcept;
  List& list(unsigned level, unsigned slot) noexcept { return lists_[level * slots + slot]; }
  /// The first slot of `level` that holds something, as the tick at which it starts.
  bool first_slot(unsigned level, std::uint64_t& starts) noexcept;
  bool earliest(unsigned& level, std::uint64_t& starts) noexcept;

  std::uint64_t now_;
  std::size_t count_ = 0;
  // Of each level a bit a slot; may be set for a slot that became empty.
  std::array<std::uint64_t, levels> occupied_{};
  base::ListArray<Operation, levels, slots> lists_;
};

}  // namespace weir::detail
