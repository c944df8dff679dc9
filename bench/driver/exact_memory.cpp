#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "client.h"
#include "exact.h"
#include "instance.h"

namespace bench {
namespace {

/// The page that the preloaded counter writes and the driver reads.
class SharedCounter {
 public:
  SharedCounter() {
    path_ = std::filesystem::temp_directory_path() / "weir-bench-XXXXXX";
    const Fd file(must(::mkstemp(path_.data()), "mkstemp"));
    must(::ftruncate(file.get(), 4096), "ftruncate");
    page_ = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (page_ == MAP_FAILED) fail("mmap");
  }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  ~SharedCounter() {
    ::munmap(page_, 4096);
    ::unlink(path_.c_str());
  }

  std::vector<std::string> environment() const {
    return {"LD_PRELOAD=" + program_path("bench_count_allocations.so"),
            "WEIR_BENCH_COUNTERS=" + path_};
  }
  std::int64_t value() const { return static_cast<std::atomic<std::int64_t>*>(page_)->load(); }

 private:
  std::string path_;
  void* page_ = nullptr;
};

/// The value in bytes of a line such as "Anonymous:   132 kB".
std::int64_t bytes_in(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stoll(line.substr(name.size() + 1)) * 1024;
  }
  return 0;
}

/// Shared pages count in parts, so that what children share with their parent counts once.
std::int64_t anonymous_memory(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  std::int64_t total = bytes_in(directory + "/smaps_rollup", "Pss_Anon");
  std::ifstream children(directory + "/task/" + std::to_string(pid) + "/children");
  for (pid_t child; children >> child;) total += anonymous_memory(child);
  return total;
}

bool takes_a_task_each(const Subject& subject) {
  return subject.forks || subject.name.ends_with(":threads");
}

}  // namespace

Count count_allocations(const Subject& subject, const Counting& counting) {
  const std::int64_t requests = counting.smoke ? 1'000 : 20'000;
  const SharedCounter counter;
  Launch launch;
  launch.cpu = counting.server_cpu;
  launch.command = command_of(subject);
  launch.environment = counter.environment();
  const Process process(launch);
  Client client(process.port(), subject.one_client ? 1 : 64, 64);
  client.exactly(requests, 1);
  const std::int64_t before = counter.value();
  client.exactly(requests, 1);
  return {static_cast<double>(counter.value() - before) / static_cast<double>(requests),
          "preloaded counter"};
}

IdleMemory measure_idle_memory(const Subject& subject, const Counting& counting) {
  IdleMemory memory;
  memory.connections = counting.smoke ? 200 : takes_a_task_each(subject) ? 1'000 : 10'000;
  Launch launch;
  launch.cpu = counting.server_cpu;
  launch.command = command_of(subject);
  const Process process(launch);
  {
    // What the server takes once, for buffers and tables, it has taken after this.
    Client warm_up(process.port(), 64, 64);
    warm_up.exactly(counting.smoke ? 1'000 : 20'000, 1);
  }
  ::usleep(100'000);
  const std::int64_t user_before = anonymous_memory(process.pid());
  const std::int64_t kernel_before = bytes_in("/proc/meminfo", "Slab");
  const Parked parked(process.port(), memory.connections);
  const auto each = [&](std::int64_t bytes) {
    return static_cast<double>(bytes) / memory.connections;
  };
  memory.user_bytes = each(anonymous_memory(process.pid()) - user_before);
  memory.kernel_bytes = each(bytes_in("/proc/meminfo", "Slab") - kernel_before);
  return memory;
}

}  // namespace bench
