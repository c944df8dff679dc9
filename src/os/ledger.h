// ledger.h - what the workers of a server counted, in memory that they share with it.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weir/statistics.h>

namespace weir::os {

/// A row for each worker and one for those that are gone. Every function may be called from any
/// thread of any of the processes; a row is written by its worker only, or, when that has ended,
/// by its supervisor.
///
/// A roll call asks every worker for its numbers. Its answer also says that its loop still
/// turns.
class Ledger {
 public:
  /// Throws std::system_error when there is no memory.
  explicit Ledger(std::size_t workers);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Begins a roll call and returns its number. The workers must be woken to hear of it.
  std::uint64_t call() noexcept;
  /// Whether the worker has yet to answer the latest call.
  bool is_called(std::size_t worker) const noexcept;
  /// Whether it was waited for.
  bool answer(std::size_t worker, const Statistics& counted) noexcept;
  bool answered(std::size_t worker, std::uint64_t call) const noexcept;

  /// A worker has ended and its row will be used again. What it left `open` counts as lost,
  /// whether it had come to show it or not; the levels go with it. Returns how many were lost.
  std::uint64_t retire(std::size_t worker, std::uint64_t open) noexcept;
  Statistics sum() const noexcept;
  /// One more, of any worker, counted by whoever saw it: the worker itself cannot.
  void count_stall() noexcept;

  /// How long a stop lets sessions go on, in ns; negative: nobody has asked for one. The
  /// shortest counts. Shared, so that a handler in a worker process can stop the whole server.
  void ask_to_stop(std::int64_t drain) noexcept;
  std::int64_t stop_drain() const noexcept;

  /// Whether somebody has asked for a restart since it was taken. Shared for the same reason.
  void ask_to_restart() noexcept;
  bool asked_to_restart() const noexcept;
  bool take_restart() noexcept;

 private:
  struct Row;
  struct Head;

  Row& row(std::size_t index) const noexcept;
  Head& head() const noexcept;

  std::size_t workers_;
  std::size_t size_;
  void* memory_;
};

}  // namespace weir::os
