#include "cli/system/accounting.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  // A process may be gone by the time that its file is read: then what there was is the text.
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char buffer[4096];
  while (file.read(buffer, sizeof buffer) || file.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(file.gcount()));
  }
  return text;
}

// The fields of /proc/PID/stat behind the name, which may hold anything; [0] is the state.
std::vector<std::string_view> stat_fields(std::string_view stat) {
  std::vector<std::string_view> fields;
  const auto name_end = stat.rfind(')');
  if (name_end == stat.npos) return fields;
  stat.remove_prefix(name_end + 1);
  while (true) {
    const auto begin = stat.find_first_not_of(" \n");
    if (begin == stat.npos) return fields;
    stat.remove_prefix(begin);
    const auto end = std::min(stat.find_first_of(" \n"), stat.size());
    fields.push_back(stat.substr(0, end));
    stat.remove_prefix(end);
  }
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The number behind `name` in a file of lines "name: number".
std::uint64_t value_of(std::string_view text, std::string_view name) {
  const auto found = text.find(name);
  if (found == text.npos) return 0;
  text.remove_prefix(found + name.size());
  const auto digit = text.find_first_of("0123456789");
  return digit == text.npos ? 0 : static_cast<std::uint64_t>(number(text.substr(digit)));
}

constexpr std::size_t field_group = 2;
constexpr std::size_t field_children_user = 13;
constexpr std::size_t field_children_system = 14;

template <class F>
void for_each_of_group(int leader, F&& f) {
  const std::string group = std::to_string(leader);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    const std::string stat = read_file("/proc/" + name + "/stat");
    const auto fields = stat_fields(stat);
    if (fields.size() > field_children_system && fields[field_group] == group) f(name, fields);
  }
}

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return 0;
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

std::int64_t cpu_of(int pid) {
  clockid_t clock{};
  return clock_getcpuclockid(pid, &clock) == 0 ? read_clock(clock) : 0;
}

// Of the children that it has waited for, to a tick of 10 ms.
std::int64_t reaped_by(int pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto fields = stat_fields(stat);
  if (fields.size() <= field_children_system) return 0;
  const std::int64_t ticks =
      number(fields[field_children_user]) + number(fields[field_children_system]);
  return ticks * (1'000'000'000 / sysconf(_SC_CLK_TCK));
}

std::uint64_t switches_of(const std::string& pid) {
  std::uint64_t sum = 0;
  std::error_code ignored;
  for (const auto& task : fs::directory_iterator("/proc/" + pid + "/task", ignored)) {
    const std::string status = read_file(task.path().string() + "/status");
    sum += value_of(status, "\nvoluntary_ctxt_switches:");
    sum += value_of(status, "\nnonvoluntary_ctxt_switches:");
  }
  return sum;
}

}  // namespace

GroupAccount::GroupAccount(int leader) : leader_(leader) {
  for_each_of_group(leader, [&](const std::string& pid, const auto&) {
    members_.push_back({std::stoi(pid), 0});
  });
}

// Only clocks are read here, one call each: the load goes on meanwhile.
void GroupAccount::begin() {
  span_ns_ = -read_clock(CLOCK_MONOTONIC);
  for (Member& member : members_) member.cpu_ns = cpu_of(member.pid);
  reaped_ns_ = reaped_by(leader_);
}

void GroupAccount::end() {
  span_ns_ += read_clock(CLOCK_MONOTONIC);
  cpu_ns_ = used_ns();
  for_each_of_group(leader_, [&](const std::string& name, const auto&) {
    const int pid = std::stoi(name);
    if (std::ranges::find(members_, pid, &Member::pid) != members_.end()) return;
    cpu_ns_ += cpu_of(pid);
    members_.push_back({pid, 0});
  });
}

std::int64_t GroupAccount::used_ns() const {
  std::int64_t sum = reaped_by(leader_) - reaped_ns_;
  for (const Member& member : members_) {
    sum += std::max<std::int64_t>(cpu_of(member.pid) - member.cpu_ns, 0);
  }
  return sum;
}

std::uint64_t GroupAccount::switches() const {
  std::uint64_t sum = 0;
  for (const Member& member : members_) sum += switches_of(std::to_string(member.pid));
  return sum;
}

std::uint64_t memory_of_group(int leader) {
  std::uint64_t kilobytes = 0;
  for_each_of_group(leader, [&](const std::string& pid, const auto&) {
    kilobytes += value_of(read_file("/proc/" + pid + "/smaps_rollup"), "\nPss:");
  });
  return kilobytes * 1024;
}

std::vector<unsigned> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

void stay_on(const std::vector<unsigned>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const unsigned cpu : cpus) CPU_SET(cpu, &set);
  if (!cpus.empty()) sched_setaffinity(0, sizeof set, &set);
}

std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

namespace {

sockaddr_in loopback(std::uint16_t port) noexcept {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool is_free(std::uint16_t port) noexcept {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const sockaddr_in address = loopback(port);
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return free;
}

}  // namespace

std::uint16_t free_port() {
  constexpr unsigned first = 10'000, count = 55'000;
  unsigned low = 32'768, high = 60'999;  // The kernel's defaults.
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low >> high;
  if (low <= first && high >= first + count - 1) low = high = 0;  // None is better than another.
  // Programs that ask at the same time begin at different places.
  static unsigned next = static_cast<unsigned>(getpid()) * 101;
  for (unsigned tries = 0; tries < count; ++tries) {
    const unsigned port = first + next++ % count;
    if (port >= low && port <= high) continue;
    if (is_free(static_cast<std::uint16_t>(port))) return static_cast<std::uint16_t>(port);
  }
  throw std::runtime_error("no port from 10,000 on is free");
}

bool somebody_listens(std::uint16_t port) noexcept {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const sockaddr_in address = loopback(port);
  const bool there =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return there;
}

}  // namespace weir::cli
