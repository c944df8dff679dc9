#include "os/shared_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {

SharedMemory::SharedMemory(std::size_t size)
    : size_(size),
      data_(system_call(CallKind::mmap, ::mmap, nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
  ++base::counters.calls_other;
  if (data_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
}

SharedMemory::~SharedMemory() { system_call(CallKind::munmap, ::munmap, data_, size_); }

}  // namespace weir::os
