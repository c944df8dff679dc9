// room.h - what the workers of a server have taken of the limits that hold for all of them.
//
// Connections, connections from one address, and memory for bytes on their way. Each worker
// writes numbers of its own and adds up those of all, so that a worker that dies takes nothing
// with it: its numbers are cleared. A limit is never exceeded, because whoever enters counts
// itself first and looks then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include <weir/endpoint.h>

#include "engine/memory.h"

namespace weir::detail {

class Room {
 public:
  struct Limits {
    unsigned workers = 1;
    std::uint32_t connections = UINT32_MAX;  ///< at once, in all
    std::uint32_t per_address = 0;           ///< of these from one address; 0: no limit
    std::uint64_t memory = 0;                ///< of all buffers, in bytes; 0: no limit
    std::uint64_t seed = 0;  ///< so that nobody can choose addresses that are hard to count
  };

  /// How much memory it needs, which the caller gives it zeroed, and shared by all workers.
  static std::size_t size(const Limits& limits) noexcept;
  Room(const Limits& limits, void* memory) noexcept;

  const Limits& limits() const noexcept { return limits_; }

  /// Counts one more connection of this worker. False: there is no room for it.
  bool enter(unsigned worker) noexcept;
  void leave(unsigned worker, std::size_t count = 1) noexcept;
  bool full() const noexcept { return open() >= limits_.connections; }
  /// One that a worker has accepted, and keeps waiting for want of room, is in nobody's backlog
  /// any more: the others accept nobody as long as there is no more room than for these. The worker
  /// says so each time that it has tried in vain; if it says nothing more, because a handler blocks
  /// it, the others go on after a moment. `now`: a clock that all workers share, in ns.
  void keeps_one(unsigned worker, std::int64_t now) noexcept;
  void keeps_none(unsigned worker) noexcept { cells_[worker].kept_until.store(0); }
  bool full_beside_kept(unsigned worker, std::int64_t now) const noexcept;
  /// The most that were there at once.
  std::uint64_t open_peak() const noexcept { return cells_[limits_.workers].open.load(); }

  Memory& memory() noexcept { return memory_; }

  /// What an address is counted by; 0 for those that are not counted. IPv6 counts by the first
  /// 64 bits, because that is the least that one subscriber gets (RFC 6177).
  std::uint64_t key_of(const Endpoint& peer) const noexcept;
  /// Counts one more connection from there. False: there are enough of them. As the worker, or from
  /// the threads that serve for it.
  bool enter_from(unsigned worker, std::uint64_t key) noexcept {
    return key == 0 || enter_keyed(worker, key);
  }
  void leave_from(unsigned worker, std::uint64_t key) noexcept;

  /// For what is worth one line of the whole server: true for the first who asks.
  bool first_to_tell() noexcept { return cells_[limits_.workers].told.exchange(1) == 0; }

  /// The worker is gone, and with it what it held. From the process that outlives it. Returns how
  /// many connections that were.
  std::uint64_t forget(unsigned worker) noexcept;

 private:
  struct alignas(64) Cell {
    std::atomic<std::uint32_t> open;
    std::atomic<std::uint32_t> told;
    std::atomic<std::int64_t> kept_until;
  };
  struct Entry {
    std::atomic<std::uint64_t> key;
    std::atomic<std::uint32_t> count;
  };
  static constexpr std::size_t bucket = 8;

  bool enter_keyed(unsigned worker, std::uint64_t key) noexcept;
  static std::size_t entries(const Limits& limits) noexcept;
  Entry* buckets(unsigned worker, std::uint64_t key, unsigned which) const noexcept;
  Entry* find(unsigned worker, std::uint64_t key) const noexcept;
  Entry* find_or_take(unsigned worker, std::uint64_t key) noexcept;
  std::uint64_t count_of(std::uint64_t key) const noexcept;
  std::uint64_t open() const noexcept {
    std::uint64_t sum = 0;
    for (unsigned each = 0; each < limits_.workers; ++each) sum += cells_[each].open.load();
    return sum;
  }
  std::uint64_t kept_by_others(unsigned worker, std::int64_t now) const noexcept;

  const Limits limits_;
  Memory memory_;
  Cell* const cells_;    // One for each worker; behind them the peak.
  Entry* const tables_;  // One for each worker.
  const std::size_t entries_;
  // One for each table. In no shared memory: a process writes its own tables only.
  const std::unique_ptr<std::mutex[]> locks_;
};

}  // namespace weir::detail
