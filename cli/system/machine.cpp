#include "cli/system/machine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The value of the first line "name : value".
std::string value_in(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const auto colon = line.find(':');
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    if (colon != line.npos && begin != line.npos) return line.substr(begin);
  }
  return "";
}

std::string mitigations() {
  std::vector<std::string> active;
  std::error_code ignored;
  for (const auto& entry :
       fs::directory_iterator("/sys/devices/system/cpu/vulnerabilities", ignored)) {
    const std::string state = first_line(entry.path());
    if (state.starts_with("Mitigation")) active.push_back(entry.path().filename());
  }
  std::ranges::sort(active);
  std::string text;
  for (const std::string& each : active) text += (text.empty() ? "" : ", ") + each;
  return text.empty() ? "none active" : text;
}

void add(Pairs& pairs, const char* name, std::string value) {
  if (!value.empty()) pairs.emplace_back(name, std::move(value));
}

}  // namespace

Pairs describe_machine() {
  Pairs pairs;
  utsname system{};
  uname(&system);
  add(pairs, "kernel", fmt::format("{} {} {}", system.sysname, system.release, system.machine));
  add(pairs, "CPU", value_in("/proc/cpuinfo", "model name"));
  add(pairs, "CPUs", std::to_string(sysconf(_SC_NPROCESSORS_ONLN)));
  const bool virtual_machine =
      value_in("/proc/cpuinfo", "flags").find(" hypervisor") != std::string::npos;
  add(pairs, "virtual machine", virtual_machine ? "yes" : "no");
  add(pairs, "frequency governor",
      first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  add(pairs, "memory", value_in("/proc/meminfo", "MemTotal"));
  add(pairs, "load average", first_line("/proc/loadavg"));
  add(pairs, "mitigations", mitigations());
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  add(pairs, "descriptor limit", std::to_string(files.rlim_cur));
  add(pairs, "net.core.somaxconn", first_line("/proc/sys/net/core/somaxconn"));
  add(pairs, "port range", first_line("/proc/sys/net/ipv4/ip_local_port_range"));
  add(pairs, "io_uring disabled", first_line("/proc/sys/kernel/io_uring_disabled"));
  return pairs;
}

std::string own_path() { return fs::read_symlink("/proc/self/exe"); }

}  // namespace weir::cli
