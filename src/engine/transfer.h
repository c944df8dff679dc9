// transfer.h - one receive or send attempt on a socket, shared by the engines that call for
// themselves.
#pragma once

#include <cstdint>

#include <weir/operation.h>

#include "engine/buffer.h"
#include "kernel/slice.h"

namespace weir::detail {

/// Gathers the outbox's pieces for one call. Returns how many.
inline std::size_t gather(const Buffer* first, kernel::Slice* slices, std::size_t room,
                          std::size_t& total) noexcept {
  std::size_t count = 0;
  total = 0;
  for (const Buffer* piece = first; piece != nullptr && count < room; piece = piece->next) {
    slices[count++] = {piece->data + piece->begin, piece->size()};
    total += piece->size();
  }
  return count;
}

/// The class for the next receive: a buffer that was filled calls for a larger one, a nearly
/// empty one for a smaller, so that small messages never pin large buffers and streams need few
/// calls.
inline std::uint8_t next_class(std::uint8_t size_class, std::size_t received,
                               std::size_t capacity) noexcept {
  if (received == capacity) {
    return size_class + 1u < BufferPool::class_sizes.size() ? std::uint8_t(size_class + 1)
                                                            : size_class;
  }
  if (size_class > 0 && received < BufferPool::class_sizes[size_class - 1u] / 2) {
    return std::uint8_t(size_class - 1);
  }
  return size_class;
}

}  // namespace weir::detail
