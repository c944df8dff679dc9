// sleep_timer.h - ends long sleeps in the place of their bounds.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "base/mutants.h"
#include "kernel/timer.h"

namespace weir::detail {

/// A bound for a sleep is a timer that the kernel sets when the sleep begins and takes back when
/// something ends it, at a price: 6 % of what a request costs where each is followed by a sleep.
/// Those who look after deadlines need no sleep to end just then, only none to be longer. So one
/// timer is set for many sleeps, which have no bound; it ends whichever there is when its time has
/// come, and is set anew for those that follow.
class SleepTimer {
 public:
  /// Whether it ends a sleep that begins now within `bound` ns.
  bool ends_within(std::int64_t bound) const noexcept { return bound >= set_for_; }

  /// Makes it end sleeps within `bound` ns, and forget what was set. False: it cannot.
  bool set(std::int64_t bound) noexcept {
    if (timer_ == nullptr || !timer_->set(bound)) return false;
    set_for_ = bound;
    return true;
  }
  /// Its descriptor was reported readable: it ends no sleep until it is set again.
  void struck() noexcept {
    timer_->clear();
    if (!base::planted(base::Mutant::timer_not_set_again)) set_for_ = never;
  }

  /// Whether use() was not called yet, which makes it: until then it cannot be set.
  bool is_new() const noexcept { return is_new_; }
  /// nullptr: there is none to be had.
  void use(std::unique_ptr<kernel::Timer> timer) noexcept {
    timer_ = std::move(timer);
    is_new_ = false;
  }
  /// To be watched; -1: there is none.
  int fd() const noexcept { return timer_ == nullptr ? -1 : timer_->fd(); }

 private:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  std::unique_ptr<kernel::Timer> timer_;
  std::int64_t set_for_ = never;  // How far away its time was when it was set.
  bool is_new_ = true;
};

}  // namespace weir::detail
