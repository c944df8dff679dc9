// timer.h - a descriptor that becomes readable when some time has passed.
#pragma once

#include <cstdint>

namespace weir::kernel {

class Timer {
 public:
  virtual ~Timer() = default;

  virtual int fd() const noexcept = 0;
  /// Readable in so many nanoseconds, and not before, whatever was set until now. False: it
  /// cannot be set.
  virtual bool set(std::int64_t nanoseconds) noexcept = 0;
  /// Unreadable again, until it is set and that time has passed.
  virtual void clear() noexcept = 0;
};

}  // namespace weir::kernel
