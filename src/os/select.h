// select.h - select(2) and its descriptor sets.
#pragma once

#include <cstdint>
#include <memory>

namespace weir::os {

/// The largest descriptor that fits a set, plus one: FD_SETSIZE. Fixed by the C library; a set
/// of a larger number writes outside the set, so add() never does.
int select_limit() noexcept;

/// Whether `fd` is in an fd_set; nullptr is an empty one.
bool in_select_set(const void* set, int fd) noexcept;

/// What is wanted, and what select(2) said of it.
class SelectSets {
 public:
  SelectSets();
  ~SelectSets();

  /// Requires: 0 <= fd < select_limit().
  void want_readable(int fd, bool on) noexcept;
  void want_writable(int fd, bool on) noexcept;

  /// Asks about every descriptor below `end`. Waits up to `nanoseconds` (negative: for ever).
  /// Returns how many conditions hold; 0 after EINTR.
  int wait(int end, std::int64_t nanoseconds) noexcept;
  bool readable(int fd) const noexcept;
  bool writable(int fd) const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::os
