#include "os/process.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {
namespace {

using Cells = std::array<std::atomic<std::uint64_t>, std::tuple_size_v<base::CounterRow>>;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

Cells& cells(void* memory) noexcept { return *static_cast<Cells*>(memory); }

int signal_for(Children::How how) noexcept {
  switch (how) {
    case Children::How::drain: return SIGTERM;
    case Children::How::cut: return SIGQUIT;
    case Children::How::kill: return SIGKILL;
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
  const auto row = std::bit_cast<base::CounterRow>(counted);
  for (std::size_t i = 0; i < row.size(); ++i) {
    cells(memory_)[i].fetch_add(row[i], std::memory_order_relaxed);
  }
}

Statistics SharedStatistics::sum() const noexcept {
  base::CounterRow row;
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = cells(memory_)[i].load(std::memory_order_relaxed);
  }
  return std::bit_cast<Statistics>(row);
}

int Children::fork() noexcept {
  ++base::counters.calls_other;
  try {
    children_.reserve(children_.size() + 1);
  } catch (const std::bad_alloc&) { return -ENOMEM; }
  const int pid = system_call(CallKind::fork, ::fork);
  if (pid < 0) return -errno;
  if (pid > 0) children_.push_back(pid);
  if (pid == 0) children_.clear();
  return pid;
}

void Children::exit_child() noexcept {
  counted_.add(base::counters);
  exit_now(0);
}

// Which children have ended? The kernel says it of one after another (waitid with WNOWAIT leaves
// it to be reaped). If that one is not ours it would be named again and again, so then ours are
// asked one by one.
std::size_t Children::reap() noexcept {
  while (!children_.empty()) {
    ++base::counters.calls_other;
    siginfo_t info{};
    if (system_call(CallKind::waitid, ::waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) !=
            0 ||
        info.si_pid == 0)
      break;
    int status = 0;
    ++base::counters.calls_other;
    if (std::find(children_.begin(), children_.end(), info.si_pid) != children_.end()) {
      if (system_call(CallKind::waitpid, ::waitpid, info.si_pid, &status, WNOHANG) == info.si_pid)
        forget(info.si_pid, status);
      continue;
    }
    const std::vector<int> all = children_;
    for (const int pid : all) {
      if (system_call(CallKind::waitpid, ::waitpid, pid, &status, WNOHANG) == pid)
        forget(pid, status);
    }
    break;
  }
  return children_.size();
}

void Children::forget(int pid, int status) noexcept {
  std::erase(children_, pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  ++base::counters.closed;
  ++base::counters.failed;
}

void Children::end(How how) noexcept {
  for (const int pid : children_) {
    ++base::counters.calls_other;
    system_call(CallKind::kill, ::kill, pid, signal_for(how));
  }
}

Children::~Children() {
  end(How::kill);
  for (const int pid : std::exchange(children_, {})) {
    int status = 0;
    while (system_call(CallKind::waitpid, ::waitpid, pid, &status, 0) < 0 && errno == EINTR) {}
    forget(pid, status);
  }
  base::add(base::counters, counted_.sum());
}

namespace {

struct SignalAction {
  void (*call)(void*) = nullptr;
  void* argument = nullptr;
};

// Handlers get no argument of their own. Written before the handler is installed.
constinit SignalAction on_first, on_second;
constinit struct sigaction before_interrupt, before_terminate;
constinit bool installed = false;

void call_first(int) { on_first.call(on_first.argument); }
void call_second(int) { on_second.call(on_second.argument); }

// Without SA_RESTART: a blocking call ends with EINTR, so that its caller looks up.
void install(int number, void (*handler)(int), struct sigaction* before) noexcept {
  ++base::counters.calls_other;
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  system_call(CallKind::sigaction, ::sigaction, number, &action, before);
}

}  // namespace

void on_parents_signals(void (*drain)(void*), void (*cut)(void*), void* argument) noexcept {
  on_first = {drain, argument};
  on_second = {cut, argument};
  install(SIGTERM, call_first, nullptr);
  install(SIGQUIT, call_second, nullptr);
  install(SIGINT, SIG_IGN, nullptr);
  system_call(CallKind::prctl, ::prctl, PR_SET_PDEATHSIG, SIGTERM);
}

void on_termination(void (*action)(void*), void* argument) noexcept {
  if (action != nullptr) {
    on_first = {action, argument};
    install(SIGINT, call_first, &before_interrupt);
    install(SIGTERM, call_first, &before_terminate);
    installed = true;
  } else if (std::exchange(installed, false)) {
    system_call(CallKind::sigaction, ::sigaction, SIGINT, &before_interrupt, nullptr);
    system_call(CallKind::sigaction, ::sigaction, SIGTERM, &before_terminate, nullptr);
  }
}

void exit_now(int code) noexcept {
  const auto leave = [](int status) -> int { ::_exit(status); };
  system_call(CallKind::exit, leave, code);
  ::_exit(code);  // Whatever a tap has decided.
}

}  // namespace weir::os
