// frame_fault.h - lets the memory for coroutine frames run out, for the simulation.
#pragma once

namespace weir::detail {

class FrameFault {
 public:
  /// Whether this allocation fails.
  virtual bool strikes() noexcept = 0;

 protected:
  ~FrameFault() = default;
};

/// Of this thread; nullptr: memory does not run out. Returns what was there before.
FrameFault* exchange_frame_fault(FrameFault* fault) noexcept;

}  // namespace weir::detail
