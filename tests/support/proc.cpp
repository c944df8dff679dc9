#include "tests/support/proc.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/fd.h"

namespace support {

namespace {

namespace fs = std::filesystem;

std::string proc_path(pid_t process, const char* name) {
  return "/proc/" + std::to_string(process) + "/" + name;
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The number behind "NAME:" in a file of such lines; 0 when there is none.
std::size_t field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1));
  }
  return 0;
}

/// From the fields of /proc/PID/stat behind the command, which may contain anything.
bool parse_stat(const std::string& stat, pid_t group, Process& process) {
  const auto command_end = stat.rfind(')');
  if (command_end == std::string::npos) return false;
  std::istringstream fields(stat.substr(command_end + 1));
  pid_t its_group = 0;
  fields >> process.state >> process.parent >> its_group;
  std::string skipped;
  for (int i = 6; i <= 13; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  process.cpu = std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
  return its_group == group;
}

std::vector<std::string> entries(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code gone;
  for (fs::directory_iterator at(directory, gone), end; !gone && at != end; at.increment(gone)) {
    names.push_back(at->path().filename().string());
  }
  return names;
}

}  // namespace

std::vector<Process> processes(pid_t group) {
  std::vector<Process> found;
  for (const std::string& name : entries("/proc")) {
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); })) {
      continue;
    }
    Process process;
    process.pid = static_cast<pid_t>(std::stol(name));
    if (parse_stat(contents(proc_path(process.pid, "stat")), group, process)) {
      found.push_back(process);
    }
  }
  return found;
}

std::chrono::milliseconds cpu_time(pid_t group) {
  std::chrono::milliseconds sum{0};
  for (const Process& process : processes(group)) sum += process.cpu;
  return sum;
}

std::size_t memory(pid_t group) {
  std::size_t sum = 0;
  for (const Process& process : processes(group)) {
    sum += field(proc_path(process.pid, "status"), "RssAnon") * 1024;
  }
  return sum;
}

std::size_t zombies(pid_t group) {
  std::size_t count = 0;
  const std::vector<Process> all = processes(group);
  for (const Process& process : all) {
    const auto is_parent = [&](const Process& each) { return each.pid == process.parent; };
    count += process.state == 'Z' && std::any_of(all.begin(), all.end(), is_parent) ? 1 : 0;
  }
  return count;
}

std::vector<std::string> of_each_thread(pid_t group, const std::string& name) {
  std::vector<std::string> found;
  for (const Process& process : processes(group)) {
    for (const std::string& thread : entries(proc_path(process.pid, "task"))) {
      std::ifstream file(proc_path(process.pid, ("task/" + thread + "/status").c_str()));
      for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(name + ":")) continue;
        const auto begin = line.find_first_not_of(" \t", name.size() + 1);
        const auto end = line.find_last_not_of(" \t");
        const bool any = begin != std::string::npos;
        found.push_back(any ? line.substr(begin, end + 1 - begin) : "");
      }
    }
  }
  return found;
}

std::size_t threads(pid_t process) { return field(proc_path(process, "status"), "Threads"); }

std::size_t descriptors(pid_t process) { return entries(proc_path(process, "fd")).size(); }

std::size_t connections_taken(unsigned port) {
  const std::string established = "01";
  std::size_t count = 0;
  std::istringstream table(contents("/proc/net/tcp"));
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retransmits, owner, timeout, inode;
    words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> owner >>
        timeout >> inode;
    const auto colon = local.find(':');
    if (colon == std::string::npos || state != established) continue;
    if (std::stoul(local.substr(colon + 1), nullptr, 16) != port) continue;
    // A socket that nobody has accepted yet has no inode.
    count += inode != "0" && queues.ends_with(":00000000") ? 1 : 0;
  }
  return count;
}

std::size_t lowest_free_descriptor(pid_t process) {
  std::size_t lowest = 0;
  while (fs::is_symlink(proc_path(process, ("fd/" + std::to_string(lowest)).c_str()))) ++lowest;
  return lowest;
}

void allow_descriptors(pid_t process, std::size_t limit) {
  rlimit now{};
  if (prlimit(process, RLIMIT_NOFILE, nullptr, &now) != 0) fail("prlimit");
  now.rlim_cur = limit;
  if (prlimit(process, RLIMIT_NOFILE, &now, nullptr) != 0) fail("prlimit");
}

std::vector<std::string> descriptors_without_cloexec(pid_t group) {
  std::vector<std::string> found;
  for (const Process& process : processes(group)) {
    for (const std::string& number : entries(proc_path(process.pid, "fdinfo"))) {
      if (std::stol(number) <= 2) continue;
      const std::string info = contents(proc_path(process.pid, ("fdinfo/" + number).c_str()));
      const auto at = info.find("flags:");
      if (at == std::string::npos) continue;
      const unsigned long flags = std::stoul(info.substr(at + 6), nullptr, 8);
      if ((flags & 02000000UL) != 0) continue;
      std::error_code gone;
      const fs::path what =
          fs::read_symlink(proc_path(process.pid, ("fd/" + number).c_str()), gone);
      if (!gone) found.push_back(number + " -> " + what.string());
    }
  }
  return found;
}

}  // namespace support
