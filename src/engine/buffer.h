// buffer.h - memory for bytes on their way: leased to chunks, queued in outboxes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "engine/memory.h"

namespace weir::detail {

class BufferHome;

/// A run of bytes and a place in a queue. `begin` and `end` bound what is still of use.
class Buffer {
 public:
  Buffer* next = nullptr;
  BufferHome* home = nullptr;  // Nobody's: the bytes are only borrowed.
  std::byte* data = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint16_t id = 0;       // For its home: the size class, or the number in the ring.
  std::uint16_t warm = none;  // Its place among the warm ones of its home, if it may be there.

  static constexpr std::uint16_t none = 0xFFFF;

  std::uint32_t size() const noexcept { return end - begin; }
  std::uint32_t room() const noexcept { return capacity - end; }
};

/// Where buffers come from and go back to. Belongs to one thread, but a lease may end on any
/// other, and after its engine is gone: then the last lease deletes the home.
class BufferHome {
 public:
  BufferHome() noexcept;
  BufferHome(const BufferHome&) = delete;
  BufferHome& operator=(const BufferHome&) = delete;

  /// Takes back a buffer that was leased here. From any thread.
  void release(Buffer& buffer) noexcept {
    if (is_owners_thread()) [[likely]] {
      if (buffer.warm < warm_open_ && warm_[buffer.warm] == nullptr) [[likely]] {
        warm_[buffer.warm] = &buffer;
      } else {
        give_back(buffer);
      }
      return;
    }
    release_elsewhere(buffer);
  }
  /// The owner goes: deletes the home now, or when the last lease ends.
  void abandon() noexcept;
  /// Buffers that somebody holds, those on their way back from other threads among them.
  virtual std::size_t leased() const noexcept = 0;

 protected:
  static constexpr std::size_t warm_places = 4;

  virtual ~BufferHome() = default;
  /// On the owner's thread, or when the owner is gone.
  virtual void give_back(Buffer& buffer) noexcept = 0;
  /// Takes back what other threads have released. The owner's thread only.
  void collect() noexcept {
    if (returned_.load(std::memory_order_relaxed) != nullptr) collect_returned();
  }
  /// The buffer of that place that was given back last, while it is in the cache: one serves a
  /// whole batch of small messages. nullptr: it is leased.
  Buffer* take_warm(std::size_t place) noexcept { return std::exchange(warm_[place], nullptr); }
  bool has_warm(std::size_t place) const noexcept { return warm_[place] != nullptr; }
  std::size_t count_warm() const noexcept;
  /// Whether what is given back may stay warm; what is warm is given back otherwise.
  void keep_warm(bool on) noexcept;

 private:
  bool is_owners_thread() const noexcept {
    return owner_.load(std::memory_order_relaxed) == thread_number;
  }
  void collect_returned() noexcept;
  void release_elsewhere(Buffer& buffer) noexcept;

  // Tells threads apart at the price of two instructions; 0 until the thread has made a home.
  static inline constinit thread_local std::uint64_t thread_number = 0;
  static constexpr std::uint64_t gone = ~std::uint64_t{0};

  std::atomic<std::uint64_t> owner_;
  std::array<Buffer*, warm_places> warm_{};
  std::uint16_t warm_open_ = warm_places;   // Places that may be filled: all, or none.
  std::atomic<Buffer*> returned_{nullptr};  // Given back by other threads.
  std::mutex mutex_;                        // Guards the owner's going against late returns.
};

/// Buffers in four size classes; the one given back last is leased first.
class BufferPool final : public BufferHome {
 public:
  static constexpr std::array<std::uint32_t, 4> class_sizes{4096, 16384, 65536, 262144};

  /// Keeps account in `memory` from now on, if that is not nullptr, as that worker.
  void keep_account(Memory* memory, unsigned worker) noexcept;

  /// An empty buffer; nullptr when memory is out, or when its limit is reached (at_limit()). Near
  /// the limit it may be smaller than asked for.
  Buffer* lease(unsigned size_class) noexcept {
    Buffer* buffer = take_warm(size_class);
    if (buffer == nullptr) return lease_spare(size_class);
    buffer->next = nullptr;
    buffer->begin = buffer->end = 0;
    return buffer;
  }
  std::size_t leased() const noexcept override;

  /// A buffer of the smallest size, to send from; nullptr when memory is out, or, not `beyond` the
  /// limit, when that is reached. It may be kept for long, so that it is none of the few that go
  /// beyond so that what passes through goes on.
  Buffer* lease_to_send(bool beyond) noexcept;
  /// No more account: what was counted is taken back. Before the account's memory goes.
  void close_account() noexcept;
  /// Whether the last lease was refused, or went beyond the limit, because of the limit.
  bool at_limit() const noexcept { return at_limit_; }
  bool limit_reached() const noexcept { return memory_ != nullptr && memory_->full(); }
  /// Whether a lease would be refused now because of the limit.
  bool is_exhausted() noexcept;

  /// Somebody waits for a buffer, since the limit left him none: meanwhile a lease is refused, but
  /// the next one after let_one_in(). At first nobody waits.
  void form_line(bool on) noexcept;
  void let_one_in(bool on) noexcept { lets_one_in_ = on; }

  BufferPool() noexcept;

 private:
  /// Buffers that a pool may have beyond the limit, so that what passes through goes on.
  static constexpr unsigned beyond_most = 4;
  // Of those beyond the limit, which are never kept: to receive, of which there are few; to send.
  static constexpr std::uint16_t beyond_mark = 0x8000, beyond_to_send_mark = 0x8001;

  ~BufferPool() override;
  Buffer* lease_spare(unsigned size_class) noexcept;
  Buffer* take_free(unsigned size_class) noexcept;
  Buffer* lease_fresh(unsigned size_class) noexcept;
  Buffer* lease_at_limit(unsigned size_class) noexcept;
  Buffer* make(unsigned size_class) noexcept;
  Buffer* make_beyond(std::uint16_t mark) noexcept;
  void give_back(Buffer& buffer) noexcept override;
  void free_buffer(Buffer& buffer) noexcept;
  void free_spare() noexcept;
  bool grow(std::size_t bytes) noexcept;
  void shrink(std::size_t bytes) noexcept;

  std::size_t made_ = 0;  // And not freed: leased, warm or free.
  std::array<Buffer*, class_sizes.size()> free_{};
  std::array<std::uint32_t, class_sizes.size()> free_count_{};
  std::array<std::uint32_t, class_sizes.size()> kept_;
  Memory* memory_ = nullptr;
  Memory::Account account_;
  std::uint64_t counted_ = 0;  // In that account.
  unsigned beyond_ = 0;
  bool at_limit_ = false;
  bool has_line_ = false;
  bool lets_one_in_ = false;
};

}  // namespace weir::detail
