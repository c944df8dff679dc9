// spin.h - asking again for a while before going to sleep.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir::detail {

/// On an idle CPU the next request often comes sooner than a sleeper wakes. After a spin in vain
/// the next one is shorter by half, down to none at all; one that finds something, or would have,
/// brings it back.
class Spin {
 public:
  /// Asks `finds()`, once at least, for `whole` ns or what is left of that. `now()` in ns.
  template <class Now, class Finds>
  bool finds_in(std::int64_t whole, Now now, Finds finds) {
    began_ = now();
    const std::int64_t give_up = began_ + (whole >> std::min(in_vain_, 20u));
    do {
      if (finds()) {
        in_vain_ = 0;
        return true;
      }
    } while (now() < give_up);
    ++in_vain_;
    return false;
  }
  /// The sleep after it was ended by something to do, at `now`.
  void found_asleep(std::int64_t whole, std::int64_t now) noexcept {
    if (now - began_ < whole) in_vain_ = 0;  // A whole one would have found it.
  }

 private:
  std::int64_t began_ = 0;
  unsigned in_vain_ = 0;  // In a row.
};

}  // namespace weir::detail
