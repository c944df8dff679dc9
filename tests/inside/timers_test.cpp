// The timing wheel, driven across the ends of its levels; the last of them comes after 795 days.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/timers.h"

namespace weir::detail {
namespace {

constexpr std::int64_t tick = 1'000'000;               // ns
constexpr std::int64_t round = std::int64_t{1} << 36;  // Ticks that the highest level spans.

class Timer final : public Operation {
 public:
  Timer() noexcept : Operation(Kind::wait) {}
  void completed() noexcept override {}
};

/// A wheel beside a plain list of what should be in it.
class Wheel {
 public:
  explicit Wheel(std::int64_t now) : now_(now), timers_(now) {}

  void add(Timer& timer, std::int64_t deadline) {
    timer.deadline = deadline;
    timers_.add(timer);
    pending_.push_back(&timer);
  }
  void remove(Timer& timer) {
    timers_.remove(timer);
    std::erase(pending_, &timer);
  }

  /// What is due by `now` expires, late by less than a tick, and nothing else.
  void go_to(std::int64_t now) {
    now_ = now;
    Timers::List expired;
    timers_.expire(now, expired);
    while (!expired.empty()) {
      Operation& timer = expired.pop_front();
      ASSERT_LE(timer.deadline, now) << "too early";
      ASSERT_EQ(std::erase(pending_, &timer), 1U);
    }
    for (const Operation* timer : pending_) {
      ASSERT_GT(timer->deadline, now - now % tick - tick) << "too late";
    }
    ASSERT_EQ(timers_.empty(), pending_.empty());
  }
  /// Sleeps as an engine does until the last one has expired. Returns how often.
  std::size_t go_on_to_the_end() {
    std::size_t sleeps = 0;
    while (!pending_.empty() && !testing::Test::HasFatalFailure()) {
      const std::int64_t next = timers_.next();
      const Operation* earliest = *std::ranges::min_element(pending_, {}, &Operation::deadline);
      EXPECT_LT(next, earliest->deadline + tick);
      EXPECT_GE(next, now_ - tick);
      go_to(std::max(next, now_ + 1));
      ++sleeps;
    }
    return sleeps;
  }
  std::size_t pending() const { return pending_.size(); }
  std::int64_t now() const { return now_; }

 private:
  std::int64_t now_;
  Timers timers_;
  std::vector<Operation*> pending_;
};

// On a machine that has been up for 795 days a deadline beyond the end of the highest level was
// placed in the slot of now, where an ASSERT ended the process.
TEST(Timers, Expire_beyond_the_end_of_the_highest_level) {
  for (const std::int64_t before : {0, 1, 2, 50, 63, 64, 4095, 4096, 1 << 30, (1 << 30) + 1}) {
    for (const std::int64_t after : {0, 1, 13, 64, 100, 4096, 1 << 30, (1 << 30) + 7}) {
      Wheel wheel((round - before) * tick);
      Timer timer;
      wheel.add(timer, (round + after) * tick + 1);
      EXPECT_LE(wheel.go_on_to_the_end(), 20U) << before << " before, " << after << " after";
      EXPECT_EQ(wheel.now(), (round + after + 1) * tick);
    }
  }
}

TEST(Timers, Expire_when_they_are_further_ahead_than_the_highest_level_spans) {
  for (const std::int64_t start : {std::int64_t{0}, round - 1, round, 3 * round - 50}) {
    for (const std::int64_t ahead : {round - 1, round, round + 1, 5 * round + 77}) {
      Wheel wheel(start * tick);
      Timer timer;
      wheel.add(timer, (start + ahead) * tick);
      EXPECT_LE(wheel.go_on_to_the_end(), 30U) << start << " and " << ahead;
      EXPECT_EQ(wheel.now(), (start + ahead) * tick);
    }
  }
}

// Near the end of each level: timers of all distances, some of which are taken out again.
TEST(Timers, Expire_neither_early_nor_late_across_the_end_of_any_level) {
  std::mt19937_64 chance(1);
  for (unsigned bits = 6; bits <= 42; bits += 6) {
    Wheel wheel(((std::int64_t{1} << bits) - 40) * tick);
    std::vector<Timer> timers(2000);
    std::vector<Timer*> idle;
    for (Timer& timer : timers) idle.push_back(&timer);
    for (int step = 0; step < 100 && !HasFatalFailure(); ++step) {
      for (int i = 0; i < 20; ++i) {
        const std::int64_t ahead = static_cast<std::int64_t>(chance() >> (23 + chance() % 40));
        wheel.add(*idle.back(), wheel.now() + ahead);
        if (chance() % 4 == 0) {
          wheel.remove(*idle.back());
        } else {
          idle.pop_back();
        }
      }
      wheel.go_to(wheel.now() + static_cast<std::int64_t>(chance() % (2 * tick)));
    }
    wheel.go_on_to_the_end();
    EXPECT_EQ(wheel.pending(), 0U);
  }
}

}  // namespace
}  // namespace weir::detail
