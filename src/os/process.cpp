#include "os/process.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "base/counters.h"
#include "base/peak.h"
#include "os/clock.h"
#include "os/signals.h"
#include "os/tap.h"

namespace weir::os {
namespace {

using Cells = std::array<std::atomic<std::uint64_t>, std::tuple_size_v<base::CounterRow>>;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

Cells& cells(void* memory) noexcept { return *static_cast<Cells*>(memory); }

// How often children are asked one by one: a system call each.
constexpr std::int64_t seldom = 1'000'000'000;
constexpr std::int64_t often = 10'000'000;  // Where nothing else tells of their end.

int signal_for(How how) noexcept {
  switch (how) {
    case How::drain: return SIGTERM;
    case How::cut: return SIGQUIT;
    case How::kill: return SIGKILL;
  }
  return SIGKILL;
}

}  // namespace

SharedStatistics::SharedStatistics()
    : memory_(system_call(CallKind::mmap, ::mmap, nullptr, sizeof(Cells), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
  if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  new (memory_) Cells{};
}

SharedStatistics::~SharedStatistics() {
  system_call(CallKind::munmap, ::munmap, memory_, sizeof(Cells));
}

void SharedStatistics::add(const Statistics& counted) noexcept {
  auto row = std::bit_cast<base::CounterRow>(counted);
  constexpr std::size_t peak = offsetof(Statistics, outbox_bytes_peak) / sizeof(std::uint64_t);
  base::raise(cells(memory_)[peak], std::exchange(row[peak], 0));
  for (std::size_t i = 0; i < row.size(); ++i) {
    cells(memory_)[i].fetch_add(row[i], std::memory_order_relaxed);
  }
}

Statistics SharedStatistics::take() noexcept {
  base::CounterRow row{};
  for (std::size_t i = 0; i < row.size(); ++i) {
    std::atomic<std::uint64_t>& cell = cells(memory_)[i];
    if (cell.load(std::memory_order_relaxed) != 0) row[i] = cell.exchange(0);
  }
  return std::bit_cast<Statistics>(row);
}

int Children::fork(std::uint64_t tag) noexcept {
  ++base::counters.calls_other;
  try {
    children_.reserve(children_.size() + 1);
  } catch (const std::bad_alloc&) { return -ENOMEM; }
  // The child lets signals come when it has handlers of its own: on_parents_signals().
  SignalsHeld held;
  const int pid = system_call(CallKind::fork, ::fork);
  if (pid < 0) return -errno;
  if (pid > 0) {
    if (children_.empty()) ask_each_at_ = monotonic_clock().now() + seldom;
    children_.push_back({pid, tag});
  }
  if (pid == 0) {
    children_.clear();
    held.leave_to_child();
  }
  return pid;
}

void Children::exit_child(int code) noexcept {
  base::drop_levels(base::counters);
  counted_.add(base::counters);
  exit_now(code);
}

// Which children have ended? The kernel says it of one after another (waitid with WNOWAIT leaves
// it to be reaped). If that one is not ours it would be named again and again, so then ours are
// asked one by one. So they are now and then when it names nobody: where SIGCHLD is ignored or
// somebody else waits for every child, none of those that have ended is ever named.
std::size_t Children::reap() noexcept {
  const std::size_t before = children_.size();
  while (!children_.empty()) {
    ++base::counters.calls_other;
    siginfo_t info{};
    const int result =
        system_call(CallKind::waitid, ::waitid, P_ALL, 0U, &info, WEXITED | WNOHANG | WNOWAIT);
    const bool none_is_left = result != 0 && errno == ECHILD;
    const int named = result == 0 ? info.si_pid : 0;
    const auto is_named = [&](const Child& child) { return child.pid == named; };
    if (named != 0 && std::any_of(children_.begin(), children_.end(), is_named)) {
      if (const auto code = ended(named); code.has_value()) forget(named, *code);
      continue;
    }
    if (named != 0 || none_is_left || monotonic_clock().now() >= ask_each_at_) ask_each();
    break;
  }
  if (children_.size() != before) base::add(base::counters, counted_.take());
  return children_.size();
}

void Children::ask_each() noexcept {
  for (std::size_t i = 0; i < children_.size();) {
    const int pid = children_[i].pid;
    const auto code = ended(pid);
    if (!code.has_value() || !forget(pid, *code)) ++i;
  }
  ask_each_at_ = monotonic_clock().now() + (reaped_elsewhere_ ? often : seldom);
}

// ECHILD: it was reaped already, and not by us (waitpid(2)).
std::optional<int> Children::ended(int pid) noexcept {
  int status = 0;
  ++base::counters.calls_other;
  const int result = system_call(CallKind::waitpid, ::waitpid, pid, &status, WNOHANG);
  if (result == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : Watcher::killed;
  if (result >= 0 || errno != ECHILD) return {};
  reaped_elsewhere_ = true;
  return Watcher::unknown;
}

bool Children::forget(int pid, int exit_code) noexcept {
  const auto found = std::find_if(children_.begin(), children_.end(),
                                  [&](const Child& child) { return child.pid == pid; });
  if (found == children_.end()) return false;
  const std::uint64_t tag = found->tag;
  children_.erase(found);
  if (watcher_ != nullptr) watcher_->child_ended(tag, exit_code);
  return true;
}

void Children::end(How how) noexcept {
  for (const Child& child : children_) {
    ++base::counters.calls_other;
    system_call(CallKind::kill, ::kill, child.pid, signal_for(how));
  }
}

Children::~Children() {
  end(How::kill);
  for (const Child& child : std::exchange(children_, {})) {
    int status = 0;
    while (system_call(CallKind::waitpid, ::waitpid, child.pid, &status, 0) < 0 &&
           errno == EINTR) {}
  }
  base::add(base::counters, counted_.take());
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (!running()) return;
  signal(SIGKILL);
  while (system_call(CallKind::waitpid, ::waitpid, pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

Fd open_process(int id) noexcept {
  ++base::counters.calls_other;
  const auto open = [](int process, unsigned flags) {
    return static_cast<int>(::syscall(SYS_pidfd_open, process, flags));
  };
  return Fd(system_call(CallKind::pidfd_open, open, id, 0U));
}

int ChildProcess::fork() noexcept {
  ++base::counters.calls_other;
  SignalsHeld held;
  const int pid = system_call(CallKind::fork, ::fork);
  if (pid < 0) return -errno;
  if (pid == 0) {
    held.leave_to_child();
    return 0;
  }
  pid_ = pid;
  pidfd_ = open_process(pid);
  return pid;
}

bool ChildProcess::reap(Ending& ending) noexcept {
  int status = 0;
  ++base::counters.calls_other;
  if (!running()) return false;
  const int result = system_call(CallKind::waitpid, ::waitpid, pid_, &status, WNOHANG);
  // ECHILD: it was reaped already, and not by us (waitpid(2)).
  ending.known = result == pid_;
  if (!ending.known && (result >= 0 || errno != ECHILD)) return false;
  ending.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  ending.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  pid_ = -1;
  pidfd_.reset();
  return true;
}

void ChildProcess::ask(How how) const noexcept { signal(signal_for(how)); }
void ChildProcess::wake() const noexcept { signal(SIGUSR1); }

void ChildProcess::signal(int number) const noexcept {
  ++base::counters.calls_other;
  if (running()) system_call(CallKind::kill, ::kill, pid_, number);
}

int process_id() noexcept { return getpid(); }

void exit_now(int code) noexcept {
  const auto leave = [](int status) -> int { ::_exit(status); };
  system_call(CallKind::exit, leave, code);
  ::_exit(code);  // Whatever a tap has decided.
}

}  // namespace weir::os
