// clock.h - time as it comes in through constructors.
#pragma once

#include <cstdint>

namespace weir::kernel {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since some fixed moment; never goes back.
  virtual std::int64_t now() noexcept = 0;
};

}  // namespace weir::kernel
