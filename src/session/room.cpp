#include "session/room.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"
#include "base/peak.h"

namespace weir::detail {
namespace {

// One to one, so that no two addresses of a family are ever taken for each other; and whoever
// does not know the seed cannot choose addresses that share their places.
std::uint64_t hash(std::uint64_t value, std::uint64_t family, std::uint64_t seed) noexcept {
  constexpr std::uint64_t odd1 = 0x9e3779b97f4a7c15, odd2 = 0xbf58476d1ce4e5b9;
  value = (value ^ seed) * odd1;
  value = (value ^ (value >> 32)) + std::rotl(seed, 29) + family;
  value *= odd2;
  value = (value ^ (value >> 29) ^ std::rotl(seed, 47)) * odd1;
  value ^= value >> 32;
  return value == 0 ? 1 : value;  // 0 marks a free entry.
}

}  // namespace

// Room enough that the sixteen places of an address are never all taken in practice.
std::size_t Room::entries(const Limits& limits) noexcept {
  if (limits.per_address == 0) return 0;
  const auto most = std::min<std::uint64_t>(limits.connections, std::uint64_t{1} << 24);
  return std::bit_ceil(std::max<std::size_t>(4 * most, 4 * bucket));
}

std::size_t Room::size(const Limits& limits) noexcept {
  return Memory::size(limits.workers) + (limits.workers + 1) * sizeof(Cell) +
         limits.workers * entries(limits) * sizeof(Entry);
}

Room::Room(const Limits& limits, void* memory) noexcept
    : limits_(limits),
      memory_(memory, limits.workers, limits.memory),
      cells_(reinterpret_cast<Cell*>(static_cast<std::byte*>(memory) +
                                     Memory::size(limits.workers))),
      tables_(reinterpret_cast<Entry*>(cells_ + limits.workers + 1)),
      entries_(entries(limits)),
      locks_(limits.per_address == 0 ? nullptr : new std::mutex[limits.workers]) {}

// --- connections -----------------------------------------------------------------------------

std::uint64_t Room::kept_by_others(unsigned worker, std::int64_t now) const noexcept {
  std::uint64_t sum = 0;
  for (unsigned other = 0; other < limits_.workers; ++other) {
    if (other != worker && cells_[other].kept_until.load() > now) ++sum;
  }
  return sum;
}

void Room::keeps_one(unsigned worker, std::int64_t now) noexcept {
  constexpr std::int64_t moment = 100'000'000;  // It tries again every 20 ms.
  cells_[worker].kept_until.store(now + moment);
}

bool Room::full_beside_kept(unsigned worker, std::int64_t now) const noexcept {
  return open() + kept_by_others(worker, now) >= limits_.connections;
}

bool Room::enter(unsigned worker) noexcept {
  cells_[worker].open.fetch_add(1);
  const auto now = static_cast<std::uint32_t>(open());
  if (now <= limits_.connections) {
    base::raise(cells_[limits_.workers].open, now);
    return true;
  }
  cells_[worker].open.fetch_sub(1);
  return false;
}

void Room::leave(unsigned worker, std::size_t count) noexcept {
  [[maybe_unused]] const auto before =
      cells_[worker].open.fetch_sub(static_cast<std::uint32_t>(count));
  ASSERT(before >= count);
}

// --- connections from one address ------------------------------------------------------------

std::uint64_t Room::key_of(const Endpoint& peer) const noexcept {
  if (limits_.per_address == 0) return 0;
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool ipv6 = peer.family == Endpoint::Family::ipv6;
  if (!ipv6 && peer.family != Endpoint::Family::ipv4) return 0;
  const bool is_mapped = ipv6 && std::equal(mapped.begin(), mapped.end(), peer.address.begin());
  std::uint64_t value = 0;
  if (ipv6 && !is_mapped) {
    std::memcpy(&value, peer.address.data(), 8);
    return hash(value, 6, limits_.seed);
  }
  std::memcpy(&value, peer.address.data() + (is_mapped ? mapped.size() : 0), 4);
  return hash(value, 4, limits_.seed);
}

Room::Entry* Room::buckets(unsigned worker, std::uint64_t key, unsigned which) const noexcept {
  const std::uint64_t place = which == 0 ? key >> 1 : std::rotr(key, 32);
  return tables_ + worker * entries_ + (place & (entries_ / bucket - 1)) * bucket;
}

Room::Entry* Room::find(unsigned worker, std::uint64_t key) const noexcept {
  for (const unsigned which : {0u, 1u}) {
    Entry* entry = buckets(worker, key, which);
    for (std::size_t i = 0; i < bucket; ++i, ++entry) {
      if (entry->key.load(std::memory_order_relaxed) == key) return entry;
    }
  }
  return nullptr;
}

Room::Entry* Room::find_or_take(unsigned worker, std::uint64_t key) noexcept {
  if (Entry* found = find(worker, key)) return found;
  for (const unsigned which : {0u, 1u}) {
    Entry* entry = buckets(worker, key, which);
    for (std::size_t i = 0; i < bucket; ++i, ++entry) {
      if (entry->count.load(std::memory_order_relaxed) != 0) continue;
      entry->key.store(key, std::memory_order_relaxed);
      return entry;
    }
  }
  return nullptr;
}

std::uint64_t Room::count_of(std::uint64_t key) const noexcept {
  std::uint64_t sum = 0;
  for (unsigned worker = 0; worker < limits_.workers; ++worker) {
    if (const Entry* entry = find(worker, key)) sum += entry->count.load();
  }
  return sum;
}

// Only the worker itself writes its table, and the threads that serve for it: those of others read
// it meanwhile, and need no lock.
bool Room::enter_keyed(unsigned worker, std::uint64_t key) noexcept {
  const std::lock_guard lock(locks_[worker]);
  Entry* entry = find_or_take(worker, key);
  if (entry == nullptr) return true;  // No place to count it in: rather let it in.
  entry->count.fetch_add(1);
  if (count_of(key) <= limits_.per_address) return true;
  entry->count.fetch_sub(1);
  return false;
}

void Room::leave_from(unsigned worker, std::uint64_t key) noexcept {
  if (key == 0) return;
  const std::lock_guard lock(locks_[worker]);
  Entry* entry = find(worker, key);
  if (entry != nullptr && entry->count.load() > 0) entry->count.fetch_sub(1);
}

std::uint64_t Room::forget(unsigned worker) noexcept {
  const std::uint64_t open = cells_[worker].open.exchange(0);
  keeps_none(worker);
  memory_.forget(worker);
  Entry* table = tables_ + worker * entries_;
  for (std::size_t i = 0; i < entries_; ++i) table[i].count.store(0, std::memory_order_relaxed);
  return open;
}

}  // namespace weir::detail
