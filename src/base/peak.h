// peak.h - the greatest value that several threads or processes have seen.
#pragma once

#include <atomic>

namespace weir::base {

/// Raises `peak` to `value` if that is greater. From any thread.
template <class T>
void raise(std::atomic<T>& peak, T value) noexcept {
  T before = peak.load();
  while (before < value && !peak.compare_exchange_weak(before, value)) {}
}

}  // namespace weir::base
