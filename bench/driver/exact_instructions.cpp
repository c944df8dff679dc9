#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "client.h"
#include "exact.h"

namespace bench {
namespace {

/// A directory for one run's files, removed with them.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "weir-bench-XXXXXX";
    if (!::mkdtemp(name.data())) fail("mkdtemp");
    path_ = name;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The sum of the totals of all profiles: a server that forks leaves one for each child.
std::int64_t total_of(const std::filesystem::path& directory) {
  std::int64_t total = 0;
  for (const auto& profile : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(profile.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("totals: ")) total += std::stoll(line.substr(8));
    }
  }
  if (total == 0) throw std::runtime_error("callgrind has left no profile");
  return total;
}

std::int64_t instructions_for(const Subject& subject, std::int64_t requests) {
  const ScratchDirectory scratch;
  Launch launch;
  launch.command = {"valgrind", "-q", "--tool=callgrind",
                    "--callgrind-out-file=" + (scratch.path() / "profile.%p").string()};
  for (const std::string& word : command_of(subject)) launch.command.push_back(word);
  {
    Process process(launch);
    {
      Client client(process.port(), 1, 64);
      client.exactly(requests, 1);
    }
    ::usleep(50'000);  // The server notices the end of the connection, in both runs.
    process.stop();
  }
  return total_of(scratch.path());
}

}  // namespace

Count count_instructions(const Subject& subject, bool smoke) {
  const std::int64_t few = smoke ? 100 : 1000;
  const std::int64_t many = smoke ? 300 : 5000;
  const std::int64_t more = instructions_for(subject, many) - instructions_for(subject, few);
  return {static_cast<double>(more) / static_cast<double>(many - few), "callgrind"};
}

}  // namespace bench
