// task_test.cpp - Task: values, exceptions, lifetimes.
#include <weir/task.h>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <weir/client.h>

namespace {

using weir::Task;

/// Notes when it is destroyed.
class Witness {
 public:
  Witness(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {}
  ~Witness() { log_.push_back(name_); }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

 private:
  std::vector<std::string>& log_;
  std::string name_;
};

Task<int> three() { co_return 3; }
Task<std::unique_ptr<int>> unique(int value) { co_return std::make_unique<int>(value); }
Task<std::string> text(std::string value) { co_return value; }
Task<int> throws() {
  throw std::runtime_error("as intended");
  co_return 0;
}

TEST(Task, Yields_its_value) {
  const auto body = []() -> Task<int> {
    const int value = co_await three();
    co_return value + 4;
  };
  EXPECT_EQ(weir::run(body()), 7);
}

TEST(Task, Yields_values_that_can_only_be_moved) {
  const auto body = []() -> Task<int> {
    const auto pointer = co_await unique(5);
    const auto word = co_await text("twelve bytes");
    co_return *pointer + static_cast<int>(word.size());
  };
  EXPECT_EQ(weir::run(body()), 17);
}

TEST(Task, Passes_an_exception_to_who_awaits_it) {
  const auto body = []() -> Task<int> {
    try {
      co_await throws();
    } catch (const std::runtime_error& error) {
      co_return error.what() == std::string("as intended") ? 0 : 1;
    }
    co_return 2;
  };
  EXPECT_EQ(weir::run(body()), 0);
}

TEST(Task, Turns_an_exception_that_nobody_catches_into_exit_code_one) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(weir::run(throws()), 1);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("as intended"), std::string::npos);
}

Task<> note(std::vector<std::string>& log, std::string name) {
  const Witness witness(log, "local of " + name);
  log.push_back("body of " + name);
  co_return;
}

TEST(Task, Does_nothing_until_it_is_awaited) {
  std::vector<std::string> log;
  { const Task<> task = note(log, "task"); }
  EXPECT_TRUE(log.empty());
}

TEST(Task, Destroys_its_locals_when_it_ends_and_its_arguments_when_it_goes) {
  std::vector<std::string> log;
  const auto body = [](std::vector<std::string>& into) -> Task<> {
    const Witness outer(into, "outer");
    co_await note(into, "inner");
    into.push_back("after");
  };
  EXPECT_EQ(weir::run(body(log)), 0);
  EXPECT_EQ(log, (std::vector<std::string>{"body of inner", "local of inner", "after", "outer"}));
}

TEST(Task, Unwinds_its_locals_when_it_throws) {
  std::vector<std::string> log;
  const auto thrower = [](std::vector<std::string>& into) -> Task<> {
    const Witness local(into, "local");
    throw std::logic_error("up");
    co_return;
  };
  const auto body = [&thrower, &log]() -> Task<int> {
    Task<> task = thrower(log);
    try {
      co_await std::move(task);
    } catch (const std::logic_error&) { log.push_back("caught"); }
    co_return 0;
  };
  EXPECT_EQ(weir::run(body()), 0);
  EXPECT_EQ(log, (std::vector<std::string>{"local", "caught"}));
}

TEST(Task, Can_be_moved_before_it_is_awaited) {
  const auto body = []() -> Task<int> {
    Task<int> first = three();
    Task<int> second = std::move(first);
    first = three();
    const int a = co_await std::move(second);
    const int b = co_await std::move(first);
    co_return a + b;
  };
  EXPECT_EQ(weir::run(body()), 6);
}

Task<int> depth(int levels) {
  if (levels == 0) co_return 0;
  const int below = co_await depth(levels - 1);
  co_return below + 1;
}

TEST(Task, Nests) { EXPECT_EQ(weir::run(depth(200)), 200); }

TEST(Task, Keeps_what_a_lambda_has_captured_while_the_lambda_lives) {
  const std::string captured = "longer than a small string is";
  const auto body = [captured]() -> Task<int> {
    co_await three();
    co_return static_cast<int>(captured.size());
  };
  EXPECT_EQ(weir::run(body()), 29);
}

}  // namespace
