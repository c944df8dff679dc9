#include "os/machine.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "os/tap.h"

namespace weir::os {
namespace {

/// The first number in a file; 0 if there is none, as when it says "max".
std::uint64_t number_in(const std::string& path) {
  std::uint64_t number = 0;
  std::ifstream(path) >> number;
  return number;
}

/// The tightest limit on the way from our control group to the root.
std::uint64_t control_group_limit() {
  std::string line;
  std::ifstream file("/proc/self/cgroup");
  while (std::getline(file, line) && !line.starts_with("0::")) {}
  if (!line.starts_with("0::")) return 0;
  std::uint64_t least = 0;
  for (std::string group = line.substr(3);; group.resize(group.rfind('/'))) {
    const std::uint64_t limit = number_in("/sys/fs/cgroup" + group + "/memory.max");
    if (limit != 0) least = least == 0 ? limit : std::min(least, limit);
    if (group.find('/') == std::string::npos) return least;
  }
}

}  // namespace

std::uint64_t memory_limit() noexcept {
  const std::uint64_t machine = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                                static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  try {
    const std::uint64_t group = control_group_limit();
    return group == 0 ? machine : std::min(machine, group);
  } catch (...) { return machine; }  // No memory to read a line with.
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  // Eight bytes are never cut short or interrupted once the kernel has entropy (getrandom(2)).
  const ssize_t got = system_call(CallKind::getrandom, ::getrandom, &seed, sizeof seed, 0u);
  if (got != sizeof seed) seed = 0x9e3779b97f4a7c15;
  return seed;
}

}  // namespace weir::os
