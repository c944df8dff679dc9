// shared_memory.h - memory that a process shares with those it forks.
#pragma once

#include <cstddef>

namespace weir::os {

class SharedMemory {
 public:
  /// Zeroed; costs nothing where it is not touched. Throws std::system_error.
  explicit SharedMemory(std::size_t size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  void* data() const noexcept { return data_; }

 private:
  std::size_t size_;
  void* data_;
};

}  // namespace weir::os
