#include "engine/timers.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"

namespace weir::detail {

void Timers::add(Operation& operation) noexcept {
  ++count_;
  insert(operation);
}

void Timers::remove(Operation& operation) noexcept {
  ASSERT(count_ > 0);
  operation.unlink();
  --count_;
}

void Timers::insert(Operation& operation) noexcept {
  // One tick ahead at least, so that a slot is never filled while it is emptied.
  const std::uint64_t due = std::max(tick_at_or_before(operation.deadline + tick - 1), now_ + 1);
  // The level is where the due tick first differs from now, read in digits of six bits. The
  // highest level is a circle that goes round once in 795 days: its slots are counted from now's.
  // What lies beyond waits in the last of them and is placed again from there.
  const unsigned differs = 63u - static_cast<unsigned>(std::countl_zero((due ^ now_) | 1));
  const unsigned level = std::min(differs / level_bits, levels - 1);
  std::uint64_t place = due >> (level * level_bits);
  if (level == levels - 1) place = std::min(place, (now_ >> (level * level_bits)) + slots - 1);
  const auto slot = static_cast<unsigned>(place & (slots - 1));
  occupied_[level] |= std::uint64_t{1} << slot;
  list(level, slot).push_back(operation);
}

bool Timers::first_slot(unsigned level, std::uint64_t& starts) noexcept {
  std::uint64_t& occupied = occupied_[level];
  const unsigned shift = level * level_bits;
  const std::uint64_t current = now_ >> shift;
  // From the current slot on. That one is empty: what is due in it belongs to a lower level. Below
  // the highest level so are those before it.
  while (occupied != 0) {
    const auto ahead = static_cast<unsigned>(
        std::countr_zero(std::rotr(occupied, static_cast<int>(current & (slots - 1)))));
    const auto slot = static_cast<unsigned>((current + ahead) & (slots - 1));
    if (!list(level, slot).empty()) {
      ASSERT(ahead != 0);
      ASSERT(level == levels - 1 || slot > (current & (slots - 1)));
      starts = (current + ahead) << shift;
      return true;
    }
    occupied &= ~(std::uint64_t{1} << slot);
  }
  return false;
}

bool Timers::earliest(unsigned& level, std::uint64_t& starts) noexcept {
  // Every slot of a level starts before any slot of the level above.
  for (level = 0; level < levels; ++level) {
    if (first_slot(level, starts)) return true;
  }
  return false;
}

std::int64_t Timers::next() noexcept {
  unsigned level = 0;
  std::uint64_t starts = 0;
  const bool found = earliest(level, starts);
  ASSERT(found);
  return static_cast<std::int64_t>(starts) * tick;
}

void Timers::expire(std::int64_t now, List& expired) noexcept {
  const std::uint64_t until = tick_at_or_before(now);
  unsigned level = 0;
  std::uint64_t starts = 0;
  while (count_ > 0 && earliest(level, starts) && starts <= until) {
    now_ = starts;
    const unsigned slot = (starts >> (level * level_bits)) & (slots - 1);
    occupied_[level] &= ~(std::uint64_t{1} << slot);
    List moving;
    moving.append(list(level, slot));
    while (!moving.empty()) {
      Operation& operation = moving.pop_front();
      if (operation.deadline <= static_cast<std::int64_t>(starts) * tick) {
        --count_;
        expired.push_back(operation);
      } else {
        insert(operation);
      }
    }
  }
  now_ = std::max(now_, until);
}

}  // namespace weir::detail
