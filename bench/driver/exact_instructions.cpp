#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "client.h"
#include "exact.h"
#include "scratch.h"

namespace bench {
namespace {

/// Has callgrind write what was counted since the last time, and start anew. vgdb reaches a process
/// that waits in the kernel, too.
void dump(pid_t pid) {
  const std::string command =
      "timeout 20 vgdb --pid=" + std::to_string(pid) + " dump >/dev/null 2>&1";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("vgdb does not reach it");
}

std::int64_t total_of(const std::filesystem::path& directory, const std::string& suffix) {
  std::int64_t total = 0;
  for (const auto& profile : std::filesystem::directory_iterator(directory)) {
    if (!profile.path().string().ends_with(suffix)) continue;
    std::ifstream file(profile.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("totals: ")) total += std::stoll(line.substr(8));
    }
  }
  if (total == 0) throw std::runtime_error("callgrind has left no profile");
  return total;
}

}  // namespace

Count count_instructions(const Subject& subject, const Counting& counting) {
  const std::int64_t requests = counting.smoke ? 200 : 4000;
  const ScratchDirectory scratch;
  Launch launch;
  launch.cpu = counting.server_cpu;
  launch.command = {"valgrind", "-q", "--tool=callgrind",
                    "--callgrind-out-file=" + (scratch.path() / "profile.%p").string()};
  for (const std::string& word : command_of(subject)) launch.command.push_back(word);
  const Process process(launch);
  Client client(process.port(), 1, 64);
  client.exactly(200, 1);
  // The first dump takes with it the start and the warm-up; the second has the requests alone.
  dump(process.pid());
  client.exactly(requests, 1);
  dump(process.pid());
  const auto total = static_cast<double>(total_of(scratch.path(), ".2"));
  return {total / static_cast<double>(requests), "callgrind"};
}

}  // namespace bench
