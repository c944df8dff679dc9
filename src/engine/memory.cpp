#include "engine/memory.h"

#include <algorithm>

#include "base/peak.h"

namespace weir::detail {

// A child that was killed between two numbers can leave a worker's below zero for a moment.
std::uint64_t Memory::held() const noexcept {
  std::int64_t sum = 0;
  for (unsigned worker = 0; worker < workers_; ++worker) sum += cells_[worker].held.load();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(sum, 0));
}

void Memory::note_peak(std::uint64_t held) noexcept {
  base::raise(cells_[workers_].held, static_cast<std::int64_t>(held));
}

// Whoever grows counts itself first and looks then, so that the limit is never exceeded together.
bool Memory::grow(unsigned worker, std::size_t bytes) noexcept {
  cells_[worker].held.fetch_add(static_cast<std::int64_t>(bytes));
  const std::uint64_t now = held();
  if (most_ != 0 && now > most_) {
    shrink(worker, bytes);
    return false;
  }
  note_peak(now);
  return true;
}

void Memory::grow_beyond(unsigned worker, std::size_t bytes) noexcept {
  cells_[worker].held.fetch_add(static_cast<std::int64_t>(bytes));
  note_peak(held());
}

}  // namespace weir::detail
