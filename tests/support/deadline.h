// deadline.h - how long a test waits for what has to happen.
//
//     EXPECT_TRUE(support::eventually([&] { return zombies(server) == 0; }));
#pragma once

#include <chrono>

#include "tests/support/clock.h"
#include "tests/support/sandbox.h"

namespace support {

/// Long enough for a loaded machine and a sanitizer; only a test that fails ever waits so long.
constexpr std::chrono::seconds patience{sanitized() ? 180 : 60};

class Deadline {
 public:
  explicit Deadline(Clock::duration duration = patience) : end_(Clock::now() + duration) {}

  bool passed() const { return Clock::now() >= end_; }
  /// What is left, for poll(2).
  int left_ms() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
  }

 private:
  Clock::time_point end_;
};

/// Whether the condition comes true within `duration`; asks every few milliseconds.
template <class Condition>
bool eventually(Condition condition, Clock::duration duration = patience) {
  for (Deadline deadline(duration); !deadline.passed(); rest()) {
    if (condition()) return true;
  }
  return condition();
}

/// Waits until `value()` has not changed for `duration`, and returns it.
template <class Value>
auto settled(Value value, Clock::duration duration = std::chrono::milliseconds(200)) {
  auto last = value();
  for (Deadline whole, quiet(duration); !quiet.passed() && !whole.passed(); rest()) {
    if (auto now = value(); now != last) {
      last = now;
      quiet = Deadline(duration);
    }
  }
  return last;
}

}  // namespace support
