// cpus.h - which CPUs a thread may run on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::os {

/// Those that the calling thread may run on, in order. Throws std::system_error.
std::vector<unsigned> usable_cpus();

/// A list as in cpuset(7), "0,2-5", in its order; empty when it is none.
std::vector<unsigned> cpu_list(std::string_view text);
/// The same backwards: "0,2-5". Requires: in order.
std::string text_of(const std::vector<unsigned>& cpus);

/// Keeps the calling thread, and the threads and processes that it starts, on one CPU while it
/// lives.
class Pinned {
 public:
  /// `cpu` negative: does nothing. Throws std::system_error.
  explicit Pinned(int cpu);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  std::vector<unsigned> before_;
};

}  // namespace weir::os
