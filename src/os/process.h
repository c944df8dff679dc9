// process.h - child processes and what they counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <weir/statistics.h>

#include "os/fd.h"

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
  /// What was added since it was last taken.
  Statistics take() noexcept;

 private:
  void* memory_;
};

/// How a child is asked to end: politely (SIGTERM), at once (SIGQUIT), or without asking
/// (SIGKILL).
enum class How : std::uint8_t { drain, cut, kill };

/// The children that one thread has forked. Reaps those and no others: the program may have
/// children of its own.
class Children {
 public:
  /// Is told, by reap(), of each child that has ended: the tag it was forked with, and its exit
  /// code, or one of the two below.
  class Watcher {
   public:
    static constexpr int killed = -1;   ///< by a signal
    static constexpr int unknown = -2;  ///< it was reaped by others: see Ending::known
    virtual void child_ended(std::uint64_t tag, int exit_code) noexcept = 0;

   protected:
    ~Watcher() = default;
  };

  /// Throws std::system_error when there is no memory to share with them.
  explicit Children(Watcher* watcher = nullptr) : watcher_(watcher) {}
  /// Ends what still runs, and adds what is left of what they counted.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// fork(2): 0 in the child, its process id in the parent, or -errno. The child's signals are
  /// held until it has handlers of its own: on_parents_signals().
  int fork(std::uint64_t tag = 0) noexcept;
  /// In a child: hands over what it counted and ends it, without running destructors or exit
  /// handlers that belong to the parent.
  [[noreturn]] void exit_child(int code = 0) noexcept;

  /// Reaps those that have ended, without waiting, and adds what they counted to this thread's
  /// counters. Returns how many are left.
  std::size_t reap() noexcept;
  std::size_t count() const noexcept { return children_.size(); }

  /// Asks all to end.
  void end(How how) noexcept;

 private:
  struct Child {
    int pid;
    std::uint64_t tag;
  };
  void ask_each() noexcept;
  /// What Watcher is told of it; nothing: it runs.
  std::optional<int> ended(int pid) noexcept;
  bool forget(int pid, int exit_code) noexcept;

  Watcher* watcher_;
  std::vector<Child> children_;
  std::int64_t ask_each_at_ = 0;
  bool reaped_elsewhere_ = false;
  SharedStatistics counted_;
};

/// How a process ended: an exit code, or the signal that killed it.
struct Ending {
  int code = 0;
  int signal = 0;
  /// False: somebody else has reaped it. The kernel does where SIGCHLD is ignored or has
  /// SA_NOCLDWAIT, which a program may inherit, and so does a program that waits for any child.
  bool known = true;
};

/// A descriptor of a process, readable when it has ended: pidfd_open(2), Linux 5.3. None, and
/// errno, where the kernel refuses that.
Fd open_process(int id) noexcept;

/// One child process that is watched. Killed and reaped when it is destroyed.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  /// The same as Children::fork(). Requires: none runs.
  int fork() noexcept;
  bool running() const noexcept { return pid_ > 0; }
  int pid() const noexcept { return pid_; }
  /// As by open_process(); -1 where there is none.
  int fd() const noexcept { return pidfd_.get(); }
  /// True: it has ended, and is running() no more.
  bool reap(Ending& ending) noexcept;
  /// It goes on by itself, and is watched no more.
  void forget() noexcept {
    pid_ = -1;
    pidfd_.reset();
  }

  void ask(How how) const noexcept;
  /// SIGUSR1: see ParentsSignals::look.
  void wake() const noexcept;

 private:
  void signal(int number) const noexcept;

  int pid_ = -1;
  Fd pidfd_;
};

int process_id() noexcept;
[[noreturn]] void exit_now(int code) noexcept;

}  // namespace weir::os
