// slice.h - one piece of a gathered send.
#pragma once

#include <cstddef>

namespace weir::kernel {

/// Laid out like iovec (a static_assert in src/os says so).
struct Slice {
  const void* data;
  std::size_t size;
};
constexpr std::size_t slices_max = 64;

}  // namespace weir::kernel
