// tick_errors.h - by how much the ticks were late that were noted lately.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir::detail {

/// The clock is looked at seldom, so a tick that is noted in between is late by as much as the next
/// look moves the ticks. Each such error is remembered for as long as somebody may count from it:
/// by who looks back a few seconds for a few seconds only, so that one stall of the loop does not
/// make all deadlines late for an hour.
class TickErrors {
 public:
  /// No error is greater.
  static constexpr std::uint32_t most = 17;

  /// The ticks have moved to `now`; what was noted since they last moved may be late by `error`.
  void note(std::uint32_t now, std::uint32_t error) noexcept {
    for (unsigned i = 0; i < count; ++i) {
      Memory& memory = memories_[i];
      if (now - memory.began >= span(i)) memory = {now, memory.now, 0};
      memory.now = std::max(memory.now, error);
    }
  }
  /// The greatest error of what was noted up to `ago` ticks ago, and perhaps for longer.
  std::uint32_t within(std::uint32_t ago) const noexcept {
    const std::uint32_t since = ago + most;  // What it was then showed when the ticks had moved.
    unsigned i = 0;
    while (i < count && span(i) < since) ++i;
    return i < count ? std::max(memories_[i].before, memories_[i].now) : most;
  }

 private:
  /// Two spans of time, one after the other; the second is under way.
  struct Memory {
    std::uint32_t began = 0, before = 0, now = 0;
  };

  // In ticks: nine seconds, a minute, nine minutes, an hour, nine hours.
  static constexpr unsigned count = 5;
  static constexpr std::uint32_t span(unsigned i) noexcept { return 32u << (3 * i); }

  Memory memories_[count];
};

}  // namespace weir::detail
