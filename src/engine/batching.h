// batching.h - how many completions to wait for, learnt from how many came.
#pragma once

#include <algorithm>
#include <cstddef>

namespace weir::detail {

/// Whoever waits for several at once is woken once for all of them, but the first of them waits for
/// the last. So each wait has a bound, and what it was in vain for is not asked again soon.
///
/// More is asked for while waits are filled in time; after one that was not, three quarters of
/// what came. To ask for as many as were once too many takes twice as many good waits each time,
/// until it succeeds. A client who has always been alone is never made to wait; one whom others
/// have just left is, once.
class Batching {
 public:
  static constexpr unsigned most = 64;

  unsigned wanted() const noexcept { return wanted_; }

  /// A wait for wanted() has ended, with so many.
  void came(std::size_t count) noexcept {
    if (count < wanted_) return fell_short(count);
    if (wanted_ == most || (wanted_ == 1 && count == 1)) return;
    if (wanted_ == too_many_) forget();
    const unsigned next = std::min(wanted_ + 1 + wanted_ / 4, most);
    const bool was_too_many = too_many_ != 0 && next >= too_many_;
    if (++filled_ < (was_too_many ? patience_ : patience_at_first)) return;
    filled_ = 0;
    wanted_ = was_too_many ? too_many_ : next;
  }

 private:
  static constexpr unsigned patience_at_first = 8, patience_most = 1024;

  void fell_short(std::size_t count) noexcept {
    if (wanted_ == too_many_) patience_ = std::min(2 * patience_, patience_most);
    too_many_ = wanted_;
    wanted_ = std::max(1u, static_cast<unsigned>(count * 3 / 4));
    filled_ = 0;
  }
  void forget() noexcept {
    too_many_ = 0;
    patience_ = patience_at_first;
  }

  unsigned wanted_ = 1;
  unsigned filled_ = 0;                    // Good waits since it last changed.
  unsigned too_many_ = 0;                  // What was last waited for in vain; 0: nothing was.
  unsigned patience_ = patience_at_first;  // Good waits before that is tried again.
};

}  // namespace weir::detail
