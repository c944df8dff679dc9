// frame_pool.cpp - memory for coroutine frames: a free list a thread and size class.
#include <cstddef>
#include <new>
#include <utility>

#include <weir/task.h>

#include "base/frame_fault.h"

namespace weir::detail {
namespace {

// Frames of up to `largest` bytes, in the steps of glibc's malloc: it hands out 16 n + 8 bytes and
// keeps 8 for itself.
constexpr std::size_t step = 16;
constexpr std::size_t index_of(std::size_t size) noexcept { return (size + 7) / step; }
constexpr std::size_t size_at(std::size_t index) noexcept { return index * step + 8; }
constexpr std::size_t largest = 2048;
// What a thread keeps of one size; more goes back to the system.
constexpr std::size_t kept_bytes = 1024 * 1024;

struct FreeFrame {
  FreeFrame* next;
};

class FramePool {
 public:
  ~FramePool();

  FreeFrame* free[index_of(largest) + 1] = {};
  std::size_t count[index_of(largest) + 1] = {};
};

// A frame may be freed after this thread's pool is gone (a thread_local's destructor order).
constinit thread_local bool pool_is_gone = false;
constinit thread_local FramePool pool;
constinit thread_local FrameFault* frame_fault = nullptr;

FramePool::~FramePool() {
  pool_is_gone = true;
  for (FreeFrame*& list : free) {
    while (list != nullptr) ::operator delete(std::exchange(list, list->next));
  }
}

}  // namespace

FrameFault* exchange_frame_fault(FrameFault* fault) noexcept {
  return std::exchange(frame_fault, fault);
}

void* allocate_frame(std::size_t size) {
  if (frame_fault != nullptr && frame_fault->strikes()) throw std::bad_alloc();
  const std::size_t index = index_of(size);
  if (WEIR_POOLS != 0 && size <= largest && !pool_is_gone) {
    if (FreeFrame* frame = pool.free[index]) {
      pool.free[index] = frame->next;
      --pool.count[index];
      return frame;
    }
  }
  return ::operator new(size_at(index));  // The program may have its own.
}

void free_frame(void* memory, std::size_t size) noexcept {
  const std::size_t index = index_of(size);
  if (WEIR_POOLS == 0 || size > largest || pool_is_gone ||
      pool.count[index] * size_at(index) >= kept_bytes) {
    ::operator delete(memory);
    return;
  }
  auto* frame = static_cast<FreeFrame*>(memory);
  frame->next = pool.free[index];
  pool.free[index] = frame;
  ++pool.count[index];
}

}  // namespace weir::detail
