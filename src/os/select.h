// select.h - select(2) and its descriptor sets.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir::os {

/// The largest descriptor that fits a set, plus one: FD_SETSIZE. Fixed by the C library; a set
/// of a larger number writes outside the set, so want() never does.
int select_limit() noexcept;

/// Whether `fd` is in an fd_set; nullptr is an empty one.
bool in_select_set(const void* set, int fd) noexcept;

/// What is wanted, and what select(2) said of it. By words, so that 64 descriptors of which none is
/// ready cost one look.
class SelectSets {
 public:
  /// Requires: 0 <= fd < select_limit().
  void want_readable(int fd, bool on) noexcept { want(want_read_, fd, on); }
  void want_writable(int fd, bool on) noexcept { want(want_write_, fd, on); }

  /// Asks about every descriptor below `end`. Waits up to `nanoseconds` (negative: for ever).
  /// False: nobody is ready, or EINTR.
  bool wait(int end, std::int64_t nanoseconds) noexcept;
  /// Calls tell(fd, readable, writable) for each that the last wait() found ready.
  template <class Tell>
  void for_each_ready(int end, Tell tell) const {
    for (std::size_t i = 0; i < words(end); ++i) {
      for (std::uint64_t ready = read_[i] | write_[i]; ready != 0; ready &= ready - 1) {
        const int bit = std::countr_zero(ready);
        tell(static_cast<int>(i) * bits + bit, (read_[i] >> bit & 1) != 0,
             (write_[i] >> bit & 1) != 0);
      }
    }
  }

 private:
  static constexpr int bits = 64;
  using Set = std::array<std::uint64_t, 1024 / bits>;  // As an fd_set lies in memory.

  static std::size_t words(int end) noexcept {
    return static_cast<std::size_t>((end + bits - 1) / bits);
  }
  static void want(Set& set, int fd, bool on) noexcept;

  Set want_read_{}, want_write_{};  // What we ask for, kept from call to call.
  Set read_{}, write_{};            // Copies that select(2) overwrites with its answer.
};

}  // namespace weir::os
