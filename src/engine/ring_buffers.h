// ring_buffers.h - the buffers that a ring provides, as leases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/buffer.h"
#include "kernel/calls.h"
#include "kernel/ring.h"

namespace weir::detail {

/// Owns the ring, because leases may outlive the engine.
class RingBuffers final : public BufferHome {
 public:
  /// `shows_work`: see kernel::Ring::has_work().
  RingBuffers(kernel::Calls& calls, bool shows_work)
      : ring(calls.make_ring(options(shows_work))), buffers_(options().buffers) {
    for (std::size_t id = 0; id < buffers_.size(); ++id) {
      buffers_[id].home = this;
      buffers_[id].id = static_cast<std::uint16_t>(id);
      buffers_[id].data = ring->buffer(buffers_[id].id);
      buffers_[id].capacity = options().buffer_size;
    }
  }

  Buffer& filled(std::uint16_t id, std::int32_t size) noexcept {
    collect();
    ++leased_;
    Buffer& buffer = buffers_[id];
    buffer.next = nullptr;
    buffer.begin = 0;
    buffer.end = static_cast<std::uint32_t>(size);
    return buffer;
  }

  /// Gives the ring what other threads have released.
  void reclaim() noexcept { collect(); }

  std::size_t leased() const noexcept override { return leased_; }

  std::unique_ptr<kernel::Ring> ring;

 private:
  static kernel::Ring::Options options(bool shows_work = false) noexcept {
    kernel::Ring::Options options;
    options.shows_work = shows_work;
    return options;
  }
  void give_back(Buffer& buffer) noexcept override {
    --leased_;
    ring->give_back(buffer.id);
  }

  std::vector<Buffer> buffers_;
  std::size_t leased_ = 0;
};

}  // namespace weir::detail
