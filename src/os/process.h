// process.h - child processes, what they counted, and signals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <weir/statistics.h>

namespace weir::os {

/// Sums of counters in memory that a process shares with the children it forks.
class SharedStatistics {
 public:
  /// Throws std::system_error when there is no memory.
  SharedStatistics();
  ~SharedStatistics();
  SharedStatistics(const SharedStatistics&) = delete;
  SharedStatistics& operator=(const SharedStatistics&) = delete;

  /// From any thread of any of the processes.
  void add(const Statistics& counted) noexcept;
  Statistics sum() const noexcept;

 private:
  void* memory_;
};

/// The children that one thread has forked. Reaps those and no others: the program may have
/// children of its own.
class Children {
 public:
  Children() = default;
  /// Ends what still runs.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// fork(2): 0 in the child, its process id in the parent, or -errno.
  int fork() noexcept;
  /// In a child: hands over what it counted and ends it, without running destructors or exit
  /// handlers that belong to the parent.
  [[noreturn]] void exit_child() noexcept;

  /// Reaps those that have ended, without waiting. Returns how many are left. What they counted
  /// is added to this thread's counters; one that crashed counts as failed.
  std::size_t reap() noexcept;
  std::size_t count() const noexcept { return children_.size(); }

  /// Asks all to end: politely (SIGTERM), at once (SIGQUIT), or without asking (SIGKILL).
  enum class How : std::uint8_t { drain, cut, kill };
  void end(How how) noexcept;

 private:
  void forget(int pid, int status) noexcept;

  std::vector<int> children_;
  SharedStatistics counted_;
};

/// In a child of ours: calls `drain(argument)` on SIGTERM and `cut(argument)` on SIGQUIT, and
/// asks the kernel for SIGTERM when the parent dies (PR_SET_PDEATHSIG). SIGINT is left to the
/// parent, since a terminal sends it to all.
void on_parents_signals(void (*drain)(void*), void (*cut)(void*), void* argument) noexcept;

/// Calls `action(argument)` on SIGINT and SIGTERM, from the signal handler. One at a time in a
/// process; nullptr restores what was there before.
void on_termination(void (*action)(void*), void* argument) noexcept;

[[noreturn]] void exit_now(int code) noexcept;

}  // namespace weir::os
