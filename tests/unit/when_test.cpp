// when_test.cpp - when_any, when_all, within and sleep_for, on every model.
#include <weir/when.h>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <weir/channel.h>
#include <weir/time.h>
#include "tests/unit/every_model.h"

namespace unit {
namespace {

using namespace std::chrono_literals;
using weir::sleep_for;
using weir::Task;
using Clock = std::chrono::steady_clock;

class When : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, When, testing::ValuesIn(different_models()), model_name);

Task<int> after(std::chrono::milliseconds pause, int value) {
  co_await sleep_for(pause);
  co_return value;
}
Task<int> at_once(int value) { co_return value; }
Task<int> fails_after(std::chrono::milliseconds pause) {
  co_await sleep_for(pause);
  throw std::runtime_error("the branch fails");
}
/// Sleeps; notes how it ended.
Task<> sleeper(std::string& end) {
  try {
    co_await sleep_for(1h);
    end = "slept";
  } catch (const weir::IoError& error) {
    end = error.code() == std::errc::operation_canceled ? "cancelled" : error.what();
    throw;
  }
}

TEST_P(When, Sleep_lasts_at_least_as_long_as_it_should) {
  const auto body = []() -> Task<int> {
    const auto start = Clock::now();
    co_await sleep_for(20ms);
    co_return Clock::now() - start >= 20ms ? 0 : 1;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(When, Sleep_of_nothing_ends) {
  const auto body = []() -> Task<> {
    for (int i = 0; i < 100; ++i) co_await sleep_for(0ms);
    co_await sleep_for(-5ms);
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(When, Sleeps_end_in_the_order_of_their_times) {
  std::vector<int> order;
  const auto one = [](std::vector<int>& into, int ms) -> Task<> {
    co_await sleep_for(std::chrono::milliseconds(ms));
    into.push_back(ms);
  };
  const auto body = [&]() -> Task<> {
    co_await weir::when_all(one(order, 60), one(order, 20), one(order, 40), one(order, 0));
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(order, (std::vector<int>{0, 20, 40, 60}));
}

TEST_P(When, All_yields_every_value) {
  const auto body = []() -> Task<int> {
    auto [a, b, c] = co_await weir::when_all(after(10ms, 1), at_once(20), after(1ms, 300));
    co_return a + b + c == 321 ? 0 : 1;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(When, All_cancels_the_others_when_one_fails) {
  std::string end;
  const auto body = [&end]() -> Task<int> {
    try {
      co_await weir::when_all(sleeper(end), fails_after(1ms));
    } catch (const std::runtime_error& error) {
      co_return error.what() == std::string("the branch fails") ? 0 : 1;
    }
    co_return 2;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(end, "cancelled");
}

TEST_P(When, Any_yields_the_first_and_cancels_the_others) {
  std::string end;
  const auto body = [&end]() -> Task<int> {
    auto [slept, value] = co_await weir::when_any(sleeper(end), after(1ms, 7));
    co_return !slept && value && *value == 7 ? 0 : 1;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(end, "cancelled");
}

TEST_P(When, Any_of_what_is_there_already_yields_at_once) {
  const auto body = []() -> Task<int> {
    auto [value, slept] = co_await weir::when_any(at_once(7), sleep_for(1h));
    co_return value && *value == 7 && !slept ? 0 : 1;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(When, Any_passes_on_the_exception_of_the_first) {
  std::string end;
  const auto body = [&end]() -> Task<int> {
    try {
      co_await weir::when_any(sleeper(end), fails_after(1ms));
    } catch (const std::runtime_error&) { co_return 0; }
    co_return 1;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(end, "cancelled");
}

TEST_P(When, Groups_nest) {
  std::string end;
  const auto body = [&end]() -> Task<int> {
    auto [inner, late] = co_await weir::when_any(weir::when_all(after(5ms, 1), after(1ms, 2)),
                                                 weir::when_any(sleeper(end), sleep_for(1h)));
    if (!inner || late) co_return 1;
    co_return std::get<0>(*inner) + std::get<1>(*inner) == 3 ? 0 : 2;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(end, "cancelled");
}

// --- as many as there are at run time --------------------------------------------------------

std::vector<Task<int>> countdown(int from) {
  std::vector<Task<int>> tasks;
  for (int i = from; i > 0; --i) tasks.push_back(after(std::chrono::milliseconds(i), i));
  return tasks;
}

TEST_P(When, All_of_a_vector_yields_every_value_in_its_place) {
  std::vector<int> values;
  const auto body = [&values]() -> Task<> { values = co_await weir::when_all(countdown(4)); };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(values, (std::vector<int>{4, 3, 2, 1}));
}

TEST_P(When, All_of_a_vector_without_values_ends_when_all_have_ended) {
  int ended = 0;
  const auto one = [](int& count) -> Task<> {
    co_await sleep_for(1ms);
    ++count;
  };
  const auto body = [&]() -> Task<> {
    std::vector<Task<>> tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(one(ended));
    co_await weir::when_all(std::move(tasks));
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(ended, 10);
}

TEST_P(When, All_of_a_vector_cancels_the_others_when_one_fails) {
  std::string ends[2];
  std::string what;
  const auto fails = []() -> Task<> { co_await fails_after(1ms); };
  const auto body = [&]() -> Task<> {
    std::vector<Task<>> tasks;
    tasks.push_back(sleeper(ends[0]));
    tasks.push_back(fails());
    tasks.push_back(sleeper(ends[1]));
    try {
      co_await weir::when_all(std::move(tasks));
    } catch (const std::runtime_error& error) { what = error.what(); }
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(what, "the branch fails");
  EXPECT_EQ(ends[0], "cancelled");
  EXPECT_EQ(ends[1], "cancelled");
}

TEST_P(When, Any_of_a_vector_yields_the_first_and_cancels_the_others) {
  std::vector<std::optional<int>> values;
  const auto slow = [](std::string& end) -> Task<int> {
    co_await sleeper(end);
    co_return 0;
  };
  std::string end;
  const auto body = [&]() -> Task<> {
    std::vector<Task<int>> tasks;
    tasks.push_back(slow(end));
    tasks.push_back(after(1ms, 7));
    values = co_await weir::when_any(std::move(tasks));
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(values, (std::vector<std::optional<int>>{std::nullopt, 7}));
  EXPECT_EQ(end, "cancelled");
}

TEST_P(When, A_vector_of_none_ends_at_once) {
  std::size_t all = 1;
  std::size_t any = 1;
  const auto body = [&]() -> Task<> {
    const auto every = co_await weir::when_all(std::vector<Task<int>>());
    all = every.size();
    const auto first = co_await weir::when_any(std::vector<Task<>>());
    any = first.size();
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(all, 0u);
  EXPECT_EQ(any, 0u);
}

TEST_P(When, A_vector_is_cut_short_by_a_deadline) {
  std::vector<std::string> ends(100);
  const auto body = [&]() -> Task<int> {
    std::vector<Task<>> tasks;
    for (std::string& end : ends) tasks.push_back(sleeper(end));
    try {
      co_await weir::within(5ms, weir::when_all(std::move(tasks)));
    } catch (const weir::IoError& error) {
      co_return error.code() == std::errc::timed_out ? 0 : 1;
    }
    co_return 2;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(ends, std::vector<std::string>(100, "cancelled"));
}

TEST_P(When, A_message_that_was_taken_is_never_lost_to_a_cancellation) {
  const auto body = []() -> Task<int> {
    weir::Channel<int> numbers(4);
    int expected = 0;
    for (int i = 0; i < 200; ++i) {
      if (!numbers.try_send(i)) co_return 1;
      auto [number, tick] = co_await weir::when_any(numbers.receive(), sleep_for(0ms));
      if (!number) number = co_await numbers.receive();
      if (**number != expected++) co_return 2;
    }
    co_return 0;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(When, Within_yields_what_comes_in_time) {
  const auto body = []() -> Task<int> {
    const int value = co_await weir::within(1h, after(1ms, 7));
    co_return value == 7 ? 0 : 1;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(When, Within_cancels_what_comes_too_late) {
  std::string end;
  const auto body = [&end]() -> Task<int> {
    try {
      co_await weir::within(5ms, sleeper(end));
    } catch (const weir::IoError& error) {
      co_return error.code() == std::errc::timed_out ? 0 : 1;
    }
    co_return 2;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(end, "cancelled");
}

TEST_P(When, Deadlines_nest_and_the_shorter_one_counts) {
  const auto body = []() -> Task<int> {
    const auto start = Clock::now();
    try {
      co_await weir::within(1h, weir::within(5ms, sleep_for(1h)));
    } catch (const weir::IoError& error) {
      if (error.code() != std::errc::timed_out) co_return 1;
    }
    try {
      co_await weir::within(5ms, weir::within(1h, sleep_for(1h)));
    } catch (const weir::IoError& error) {
      if (error.code() != std::errc::timed_out) co_return 2;
    }
    co_return Clock::now() - start < 1min ? 0 : 3;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(When, A_deadline_passes_while_a_group_waits) {
  std::string first;
  std::string second;
  const auto body = [&]() -> Task<int> {
    try {
      co_await weir::within(5ms, weir::when_all(sleeper(first), sleeper(second)));
    } catch (const weir::IoError& error) {
      co_return error.code() == std::errc::timed_out ? 0 : 1;
    }
    co_return 2;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(first, "cancelled");
  EXPECT_EQ(second, "cancelled");
}

}  // namespace
}  // namespace unit
