#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "client.h"
#include "exact.h"
#include "scratch.h"

namespace bench {
namespace {

constexpr int connections = 64;

std::int64_t number_in(const char* path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  file >> number;
  return number;
}

/// The number of the tracepoint that every system call passes. Where tracefs is not mounted it is
/// read in a mount namespace of a child's own, which leaves the machine as it is.
std::int64_t find_tracepoint() {
  constexpr const char* path = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id";
  if (const std::int64_t number = number_in(path)) return number;
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC), "pipe");
  const pid_t child = must(::fork(), "fork");
  if (child == 0) {
    std::int64_t number = 0;
    if (::unshare(CLONE_NEWNS) == 0 &&
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        ::mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) == 0) {
      number = number_in(path);
    }
    _exit(::write(ends[1], &number, sizeof number) == sizeof number ? 0 : 1);
  }
  ::close(ends[1]);
  const Fd reader(ends[0]);
  std::int64_t number = 0;
  if (::read(reader.get(), &number, sizeof number) != sizeof number) number = 0;
  ::waitpid(child, nullptr, 0);
  return number;
}

Fd open_counter(std::int64_t tracepoint, pid_t pid) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.config = static_cast<std::uint64_t>(tracepoint);
  attributes.inherit = 1;
  return Fd(static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, pid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

std::int64_t value_of(const Fd& counter) {
  std::int64_t value = 0;
  must(::read(counter.get(), &value, sizeof value), "read the counter");
  return value;
}

Launch launch_of(const Subject& subject, const Counting& counting) {
  Launch launch;
  launch.cpu = counting.server_cpu;
  launch.command = command_of(subject);
  return launch;
}

/// Negative when perf may not be used here.
double count_by_perf(const Subject& subject, const Counting& counting, std::int64_t requests) {
  static const std::int64_t tracepoint = find_tracepoint();
  if (tracepoint == 0) return -1;
  Fd counter;
  Launch launch = launch_of(subject, counting);
  launch.before_exec = [&](pid_t pid) { counter = open_counter(tracepoint, pid); };
  const Process process(launch);
  if (!counter) return -1;
  Client client(process.port(), connections, 64);
  client.exactly(requests / 10, 1);
  const std::int64_t before = value_of(counter);
  client.exactly(requests, 1);
  return static_cast<double>(value_of(counter) - before) / static_cast<double>(requests);
}

/// The number in the line `CALLS total` that ends strace's summary.
std::int64_t total_in(const std::string& summary) {
  std::ifstream file(summary);
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::int64_t calls = 0;
    std::string name;
    if (fields >> calls >> name && name == "total") return calls;
  }
  throw std::runtime_error("strace has left no total");
}

std::int64_t calls_under_strace(const Subject& subject, const Counting& counting,
                                std::int64_t requests) {
  const ScratchDirectory scratch;
  const std::string summary = scratch.path() / "summary";
  Launch launch = launch_of(subject, counting);
  // -I2: with -o strace keeps SIGTERM to itself otherwise, and would have to be killed, which
  // leaves neither a summary nor the server stopped.
  launch.command = {"strace", "-I2", "-f", "-qq", "-c", "-U", "calls,name", "-o", summary};
  for (const std::string& word : command_of(subject)) launch.command.push_back(word);
  {
    Process process(launch);
    Client client(process.port(), connections, 64);
    client.exactly(requests, 1);
    process.stop();
  }
  return total_in(summary);
}

}  // namespace

Count count_system_calls(const Subject& subject, const Counting& counting) {
  const std::int64_t requests = counting.smoke ? 2'000 : 100'000;
  const double counted = count_by_perf(subject, counting, requests);
  if (counted >= 0) return {counted, "perf"};
  return count_calls_by_strace(subject, counting);
}

Count count_calls_by_strace(const Subject& subject, const Counting& counting) {
  // What starting and stopping take is in both, and so in neither's difference.
  const std::int64_t few = 64 * 20, many = 64 * 120;
  const std::int64_t more =
      calls_under_strace(subject, counting, many) - calls_under_strace(subject, counting, few);
  return {static_cast<double>(more) / static_cast<double>(many - few), "strace"};
}

}  // namespace bench
