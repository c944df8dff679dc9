// memory.h - what all buffers of a server hold, and the limit of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weir::detail {

/// A number for each worker, so that one that dies takes nothing with it, and no two write the
/// same line. Whole blocks are counted, when a pool gets one from the system or gives it back.
/// From any thread of any of the processes.
class Memory {
 public:
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> held;  // Behind the number of the worker's life.
  };
  /// What somebody counts in. Children of a worker that was killed live on, for as long as they
  /// need to end, and must not take from its replacement what they had counted.
  struct Account {
    unsigned worker = 0;
    std::uint64_t life = 0;
  };
  static constexpr std::size_t size(unsigned workers) noexcept {
    return (std::size_t{workers} + 1) * sizeof(Cell);
  }

  /// In memory that the caller gives zeroed. `most` 0: no limit.
  Memory(void* memory, unsigned workers, std::uint64_t most) noexcept
      : cells_(static_cast<Cell*>(memory)), workers_(workers), most_(most) {}

  std::uint64_t most() const noexcept { return most_; }
  /// A share of the limit that a worker may keep without using it: an eighth, in all.
  std::uint64_t spare(unsigned classes) const noexcept { return most_ / 8 / workers_ / classes; }

  Account open(unsigned worker) const noexcept;
  /// Counts one more block. False: that would be beyond the limit; then it is not counted.
  bool grow(Account account, std::size_t bytes) noexcept;
  /// Counts it in any case.
  void grow_beyond(Account account, std::size_t bytes) noexcept;
  void shrink(Account account, std::size_t bytes) noexcept;
  /// What a block takes at least.
  static constexpr std::uint64_t smallest = 4096 + 64;
  /// Whether the limit leaves no room for another block of the smallest size.
  bool full() const noexcept { return most_ != 0 && held() + smallest > most_; }

  /// Whether so little is left, a sixteenth, that those who are there already need it.
  bool scarce() const noexcept { return most_ != 0 && held() + most_ / 16 > most_; }

  std::uint64_t held() const noexcept;
  std::uint64_t peak() const noexcept { return cells_[workers_].held.load(); }
  /// The worker is gone, and with it what it held. Its accounts count no more.
  void forget(unsigned worker) noexcept;

 private:
  /// Adds to what an account holds, or takes from it.
  void change(Account account, std::uint64_t more, std::uint64_t less) noexcept;
  void note_peak(std::uint64_t held) noexcept;

  Cell* const cells_;  // One for each worker; behind them the peak.
  const unsigned workers_;
  const std::uint64_t most_;
};

}  // namespace weir::detail
