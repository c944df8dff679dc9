#include "engine/buffer.h"

#include <cstdlib>
#include <new>

#include <weir/chunk.h>

#include "base/assert.h"

namespace weir::detail {
namespace {

// Free memory that a pool keeps for each class; what is more goes back to the system.
constexpr std::uint32_t kept_bytes = 4 * 1024 * 1024;
constexpr auto kept = [] {
  auto counts = BufferPool::class_sizes;
  for (std::uint32_t& count : counts) count = kept_bytes / count;
  return counts;
}();

// Its address tells threads apart at the price of one instruction.
constinit thread_local char thread_mark = 0;

}  // namespace

void release(Buffer& buffer) noexcept { buffer.home->release(buffer); }

BufferHome::BufferHome() noexcept : owner_(&thread_mark) {}

void BufferHome::release(Buffer& buffer) noexcept {
  if (owner_.load(std::memory_order_relaxed) == &thread_mark) [[likely]] {
    --leased_;
    give_back(buffer);
    return;
  }
  release_elsewhere(buffer);
}

void BufferHome::release_elsewhere(Buffer& buffer) noexcept {
  std::unique_lock lock(mutex_);
  if (owner_.load(std::memory_order_relaxed) != nullptr) {
    buffer.next = returned_.load(std::memory_order_relaxed);
    returned_.store(&buffer, std::memory_order_release);
    return;
  }
  --leased_;
  give_back(buffer);
  const bool last = leased_ == 0;
  lock.unlock();
  if (last) delete this;
}

void BufferHome::collect() noexcept {
  std::unique_lock lock(mutex_);
  Buffer* buffer = returned_.exchange(nullptr, std::memory_order_acquire);
  lock.unlock();
  while (buffer != nullptr) {
    Buffer* next = buffer->next;
    --leased_;
    give_back(*buffer);
    buffer = next;
  }
}

void BufferHome::abandon() noexcept {
  collect();
  std::unique_lock lock(mutex_);
  // A return may have come between the two; it is in the list, and counted.
  Buffer* buffer = returned_.exchange(nullptr, std::memory_order_acquire);
  while (buffer != nullptr) {
    Buffer* next = buffer->next;
    --leased_;
    give_back(*buffer);
    buffer = next;
  }
  owner_.store(nullptr, std::memory_order_relaxed);
  const bool last = leased_ == 0;
  lock.unlock();
  if (last) delete this;
}

Buffer* BufferPool::lease_fresh(unsigned size_class) noexcept {
  const std::uint32_t size = class_sizes[size_class];
  // Header and bytes in one block; the header's size keeps the bytes aligned.
  void* block = std::malloc(sizeof(Buffer) + size);
  if (block == nullptr) return nullptr;
  auto* buffer = new (block) Buffer;
  buffer->home = this;
  buffer->data = static_cast<std::byte*>(block) + sizeof(Buffer);
  buffer->capacity = size;
  buffer->id = static_cast<std::uint16_t>(size_class);
  note_lease();
  return buffer;
}

void BufferPool::give_back(Buffer& buffer) noexcept {
  const unsigned size_class = buffer.id;
  if (WEIR_POOLS == 0 || free_count_[size_class] >= kept[size_class]) {
    std::free(&buffer);
    return;
  }
  ++free_count_[size_class];
  buffer.next = free_[size_class];
  free_[size_class] = &buffer;
}

BufferPool::~BufferPool() {
  for (Buffer* buffer : free_) {
    while (buffer != nullptr) {
      Buffer* next = buffer->next;
      std::free(buffer);
      buffer = next;
    }
  }
}

}  // namespace weir::detail
