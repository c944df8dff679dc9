// chunk.h - received bytes, leased from the engine's buffers.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace weir {

namespace detail {
class Buffer;
void release(Buffer& buffer) noexcept;
}  // namespace detail

/// The bytes that one receive() brought: at least one, at most what one system call gave; an
/// empty chunk says that the peer has finished sending. No message boundaries are kept: TCP has
/// none (RFC 9293, section 3.9.1.2).
///
/// The bytes live in a buffer of the engine, leased until the chunk is destroyed, and are given
/// back then, from any thread. Keep a chunk as long as you like: it costs its whole buffer
/// (4 KiB for small messages, up to 256 KiB on a stream; on io-uring messages of up to 16 KiB hold
/// one of the worker's stock of 256; while all of those are held, a receive costs a system call),
/// not just the bytes.
class Chunk {
 public:
  Chunk() = default;
  Chunk(const std::byte* data, std::size_t size, detail::Buffer* lease) noexcept
      : data_(data), size_(size), lease_(lease) {}
  Chunk(Chunk&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        lease_(std::exchange(other.lease_, nullptr)) {}
  Chunk& operator=(Chunk&& other) noexcept {
    if (this != &other) {
      if (lease_ != nullptr) detail::release(*lease_);
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      lease_ = std::exchange(other.lease_, nullptr);
    }
    return *this;
  }
  ~Chunk() {
    if (lease_ != nullptr) detail::release(*lease_);
  }

  /// False: the peer has finished sending.
  explicit operator bool() const noexcept { return size_ != 0; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  const std::byte* data() const noexcept { return data_; }

  /// Views of the bytes; valid as long as the chunk is.
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }
  operator std::span<const std::byte>() const noexcept { return bytes(); }

  /// Drops the first `count` bytes from view. Requires: count <= size().
  void remove_prefix(std::size_t count) noexcept {
    data_ += count;
    size_ -= count;
  }

  bool leased() const noexcept { return lease_ != nullptr; }
  /// Gives up the lease; the caller releases it, and the chunk is empty. For the outbox.
  detail::Buffer* take_lease() noexcept {
    data_ = nullptr;
    size_ = 0;
    return std::exchange(lease_, nullptr);
  }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  detail::Buffer* lease_ = nullptr;
};

}  // namespace weir
