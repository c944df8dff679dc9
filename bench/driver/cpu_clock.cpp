#include "cpu_clock.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>

#include <fstream>
#include <sstream>
#include <string>

namespace bench {
namespace {

std::int64_t clock_of(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0) return 0;
  if (clock_gettime(clock, &time) != 0) return 0;  // It has just ended.
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

int open_task_clock(pid_t pid) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  attributes.inherit = 1;
  attributes.exclude_kernel = 1;  // Needs no privilege then; a task clock counts all the same.
  return static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, pid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::int64_t children_of(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  std::int64_t total = 0;
  std::istringstream living(file_text(directory + "/task/" + std::to_string(pid) + "/children"));
  for (pid_t child; living >> child;) total += clock_of(child);

  const std::string stat = file_text(directory + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field <= 15; ++field) fields >> skipped;
  std::int64_t user_ticks = 0, system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  return total + (user_ticks + system_ticks) * (1'000'000'000LL / sysconf(_SC_CLK_TCK));
}

}  // namespace

CpuClock::CpuClock(pid_t pid, bool forks) : pid_(pid), forks_(forks) {
  if (forks) perf_ = Fd(open_task_clock(pid));
}

std::int64_t CpuClock::read_ns() const {
  if (perf_) {
    std::uint64_t value = 0;
    must(::read(perf_.get(), &value, sizeof value), "read the task clock");
    return static_cast<std::int64_t>(value);
  }
  return clock_of(pid_) + (forks_ ? children_of(pid_) : 0);
}

std::int64_t CpuClock::read_at_rest_ns() const {
  std::int64_t last = read_ns();
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::int64_t until = now_ns() + 50 * us;
    while (now_ns() < until) {}
    const std::int64_t next = read_ns();
    if (next == last) break;
    last = next;
  }
  return last;
}

}  // namespace bench
