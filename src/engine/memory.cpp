#include "engine/memory.h"

#include <algorithm>

#include "base/peak.h"

namespace weir::detail {
namespace {

// A cell: 16 bits for the worker's life, 48 for the bytes that it holds.
constexpr unsigned life_place = 48;
constexpr std::uint64_t held_mask = (std::uint64_t{1} << life_place) - 1;

}  // namespace

std::uint64_t Memory::held() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned worker = 0; worker < workers_; ++worker) {
    sum += cells_[worker].held.load() & held_mask;
  }
  return sum;
}

Memory::Account Memory::open(unsigned worker) const noexcept {
  return {worker, cells_[worker].held.load() >> life_place};
}

void Memory::forget(unsigned worker) noexcept {
  std::atomic<std::uint64_t>& cell = cells_[worker].held;
  std::uint64_t before = cell.load();
  while (!cell.compare_exchange_weak(before, ((before >> life_place) + 1) << life_place)) {}
}

void Memory::change(Account account, std::uint64_t more, std::uint64_t less) noexcept {
  std::atomic<std::uint64_t>& cell = cells_[account.worker].held;
  std::uint64_t before = cell.load(), after = 0;
  do {
    if (before >> life_place != account.life) return;
    after = before + more - std::min(before & held_mask, less);
  } while (!cell.compare_exchange_weak(before, after));
}

void Memory::note_peak(std::uint64_t held) noexcept { base::raise(cells_[workers_].held, held); }

// Whoever grows counts itself first and looks then, so that the limit is never exceeded together.
bool Memory::grow(Account account, std::size_t bytes) noexcept {
  change(account, bytes, 0);
  const std::uint64_t now = held();
  if (most_ != 0 && now > most_) {
    shrink(account, bytes);
    return false;
  }
  note_peak(now);
  return true;
}

void Memory::grow_beyond(Account account, std::size_t bytes) noexcept {
  change(account, bytes, 0);
  note_peak(held());
}

void Memory::shrink(Account account, std::size_t bytes) noexcept { change(account, 0, bytes); }

}  // namespace weir::detail
