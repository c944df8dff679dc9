#include "engine/buffer.h"

#include <algorithm>
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

// Threads that have made a home; 0 is nobody's number.
constinit std::atomic<std::uint64_t> threads{0};

}  // namespace

void release(Buffer& buffer) noexcept { buffer.home->release(buffer); }

BufferHome::BufferHome() noexcept {
  if (thread_number == 0) thread_number = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  owner_.store(thread_number, std::memory_order_relaxed);
}

void BufferHome::release_elsewhere(Buffer& buffer) noexcept {
  std::unique_lock lock(mutex_);
  if (owner_.load(std::memory_order_relaxed) != gone) {
    buffer.next = returned_.load(std::memory_order_relaxed);
    returned_.store(&buffer, std::memory_order_release);
    return;
  }
  give_back(buffer);
  const bool last = leased() == 0;
  lock.unlock();
  if (last) delete this;
}

void BufferHome::collect_returned() noexcept {
  std::unique_lock lock(mutex_);
  Buffer* buffer = returned_.exchange(nullptr, std::memory_order_acquire);
  lock.unlock();
  while (buffer != nullptr) {
    Buffer* next = buffer->next;
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
    give_back(*buffer);
    buffer = next;
  }
  owner_.store(gone, std::memory_order_relaxed);
  const bool last = leased() == 0;
  lock.unlock();
  if (last) delete this;
}

std::size_t BufferHome::count_warm() const noexcept {
  return warm_.size() - static_cast<std::size_t>(std::ranges::count(warm_, nullptr));
}

void BufferHome::keep_warm(bool on) noexcept {
  warm_open_ = on ? warm_places : 0;
  if (on) return;
  for (std::size_t i = 0; i < warm_.size(); ++i) {
    if (Buffer* buffer = take_warm(i)) give_back(*buffer);
  }
}

static_assert(sizeof(Buffer) + BufferPool::class_sizes[0] <= Memory::smallest);

BufferPool::BufferPool() noexcept : kept_(kept) {}

// Spare buffers count too, so that near the limit a pool keeps few.
void BufferPool::keep_account(Memory* memory, unsigned worker) noexcept {
  memory_ = memory;
  if (memory != nullptr) account_ = memory->open(worker);
  if (memory == nullptr || memory->most() == 0) return;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const std::uint64_t count =
        memory->spare(static_cast<unsigned>(kept_.size())) / class_sizes[i];
    kept_[i] = static_cast<std::uint32_t>(std::min<std::uint64_t>(kept[i], count));
  }
}

void BufferPool::close_account() noexcept {
  free_spare();
  if (memory_ != nullptr) memory_->shrink(account_, counted_);
  memory_ = nullptr;
}

bool BufferPool::grow(std::size_t bytes) noexcept {
  if (memory_ == nullptr) return true;
  if (!memory_->grow(account_, bytes)) return false;
  counted_ += bytes;
  return true;
}

void BufferPool::shrink(std::size_t bytes) noexcept {
  if (memory_ == nullptr) return;
  memory_->shrink(account_, bytes);
  counted_ -= bytes;
}

std::size_t BufferPool::leased() const noexcept {
  std::size_t spare = count_warm();
  for (const std::uint32_t count : free_count_) spare += count;
  return made_ - spare;
}

Buffer* BufferPool::lease_spare(unsigned size_class) noexcept {
  collect();
  if (has_line_ && !std::exchange(lets_one_in_, false)) {
    at_limit_ = true;
    return nullptr;
  }
  return free_[size_class] != nullptr ? take_free(size_class) : lease_fresh(size_class);
}

Buffer* BufferPool::take_free(unsigned size_class) noexcept {
  Buffer* buffer = free_[size_class];
  free_[size_class] = buffer->next;
  --free_count_[size_class];
  buffer->next = nullptr;
  buffer->begin = buffer->end = 0;
  return buffer;
}

Buffer* BufferPool::lease_fresh(unsigned size_class) noexcept {
  at_limit_ = false;
  const std::size_t size = sizeof(Buffer) + class_sizes[size_class];
  if (grow(size)) return make(size_class);
  free_spare();
  if (grow(size)) return make(size_class);
  return lease_at_limit(size_class);
}

// A smaller one will do. And a few may go beyond, because memory comes back only where bytes move.
Buffer* BufferPool::lease_at_limit(unsigned size_class) noexcept {
  while (size_class-- > 0) {
    if (grow(sizeof(Buffer) + class_sizes[size_class])) return make(size_class);
  }
  at_limit_ = true;
  return beyond_ < beyond_most ? make_beyond(beyond_mark) : nullptr;
}

Buffer* BufferPool::lease_to_send(bool beyond) noexcept {
  at_limit_ = false;
  if (has_warm(0)) return lease(0);
  collect();
  if (!has_line_ || beyond) {
    if (free_[0] != nullptr) return take_free(0);
    constexpr std::size_t size = sizeof(Buffer) + class_sizes[0];
    if (grow(size)) return make(0);
    free_spare();
    if (grow(size)) return make(0);
  }
  at_limit_ = true;
  return beyond ? make_beyond(beyond_to_send_mark) : nullptr;
}

Buffer* BufferPool::make_beyond(std::uint16_t mark) noexcept {
  constexpr std::size_t size = sizeof(Buffer) + class_sizes[0];
  memory_->grow_beyond(account_, size);
  counted_ += size;
  Buffer* buffer = make(0);
  if (buffer == nullptr) return nullptr;
  buffer->id = mark;
  buffer->warm = Buffer::none;
  if (mark == beyond_mark) ++beyond_;
  return buffer;
}

bool BufferPool::is_exhausted() noexcept {
  collect();
  const bool has_free = std::ranges::any_of(free_, [](auto* first) { return first != nullptr; });
  if (has_free || count_warm() != 0) return false;
  return limit_reached() && beyond_ >= beyond_most;
}

// Whoever is served by what is warm does not come by lease_spare().
void BufferPool::form_line(bool on) noexcept {
  if (has_line_ == on) return;
  has_line_ = on;
  keep_warm(!on);
}

// Header and bytes in one block; the header's size keeps the bytes aligned.
Buffer* BufferPool::make(unsigned size_class) noexcept {
  const std::uint32_t size = class_sizes[size_class];
  void* block = ::operator new(sizeof(Buffer) + size, std::nothrow);
  if (block == nullptr) {
    shrink(sizeof(Buffer) + size);
    return nullptr;
  }
  auto* buffer = new (block) Buffer;
  buffer->home = this;
  buffer->data = static_cast<std::byte*>(block) + sizeof(Buffer);
  buffer->capacity = size;
  buffer->id = static_cast<std::uint16_t>(size_class);
  if (WEIR_POOLS != 0 && kept_[size_class] != 0) buffer->warm = buffer->id;
  ++made_;
  return buffer;
}

void BufferPool::give_back(Buffer& buffer) noexcept {
  const unsigned size_class = buffer.id;
  if (WEIR_POOLS == 0 || size_class >= beyond_mark ||
      free_count_[size_class] >= kept_[size_class]) [[unlikely]] {
    return free_buffer(buffer);
  }
  ++free_count_[size_class];
  buffer.next = free_[size_class];
  free_[size_class] = &buffer;
}

void BufferPool::free_buffer(Buffer& buffer) noexcept {
  if (buffer.id == beyond_mark) --beyond_;
  --made_;
  shrink(sizeof(Buffer) + buffer.capacity);
  ::operator delete(&buffer);
}

void BufferPool::free_spare() noexcept {
  for (std::size_t i = 0; i < free_.size(); ++i) {
    if (Buffer* buffer = take_warm(i)) free_buffer(*buffer);
    while (Buffer* buffer = free_[i]) {
      free_[i] = buffer->next;
      free_buffer(*buffer);
    }
    free_count_[i] = 0;
  }
}

BufferPool::~BufferPool() { free_spare(); }

}  // namespace weir::detail
