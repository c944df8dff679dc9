// throwing_test.cpp - an exception that leaves a handler fails a simulated run, unless it is meant.
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <weir/error.h>
#include <weir/simulation.h>
#include <weir/time.h>

namespace {

using weir::Connection;
using weir::Task;
using weir::simulation::World;

void look_beyond_the_end() {
  const std::vector<int> none;
  static_cast<void>(none.at(3));
}

/// A run whose handler answers once and then calls `end`.
weir::simulation::Run run_until(void (*end)(), bool may_throw = false) {
  const auto scenario = [=](World& world) -> Task<> {
    const auto handler = [end](Connection& peer) -> Task<> {
      co_await peer.receive();
      co_await peer.send("!");
      end();
    };
    auto server = world.serve(handler, {.drawn = false, .handlers_may_throw = may_throw});
    weir::Client client = co_await world.connect(server);
    co_await client->send("?");
    co_await client->receive();
    co_await client->receive();
  };
  return weir::simulation::run_once(1, {.faults = weir::simulation::Faults::none()}, scenario);
}

TEST(Throwing, Out_of_a_handler_fails_the_run_and_names_it) {
  const auto run = run_until(look_beyond_the_end);
  EXPECT_TRUE(run.failed);
  EXPECT_TRUE(run.what.starts_with(
      "an exception left the handler of server 0 (at 10.0.0.1:7000), or a task that it spawned: "
      "vector::_M_range_check"))
      << run.what;
}

TEST(Throwing, What_is_no_exception_class_fails_it_too) {
  const auto run = run_until([] { throw 1; });
  EXPECT_TRUE(run.failed);
  EXPECT_NE(run.what.find("an exception that is not a std::exception"), std::string::npos)
      << run.what;
}

TEST(Throwing, Is_no_failure_where_it_is_meant) {
  const auto run = run_until(look_beyond_the_end, true);
  EXPECT_FALSE(run.failed) << run.what;
}

TEST(Throwing, By_a_connection_that_broke_or_for_want_of_memory_is_none) {
  EXPECT_FALSE(run_until([] { throw weir::IoError(EPIPE, "send"); }).failed);
  EXPECT_FALSE(run_until([] { throw std::bad_alloc(); }).failed);
}

TEST(Throwing, Out_of_a_task_that_a_handler_spawned_fails_it) {
  const auto scenario = [](World& world) -> Task<> {
    const auto child = []() -> Task<> {
      co_await weir::sleep_for(std::chrono::milliseconds(5));
      throw std::logic_error("the child is broken");
    };
    auto server = world.serve([child](Connection& peer) -> Task<> {
      peer.spawn(child());
      co_await peer.receive();
    });
    weir::Client client = co_await world.connect(server);
    co_await client->receive();
  };
  const auto run =
      weir::simulation::run_once(1, {.faults = weir::simulation::Faults::none()}, scenario);
  EXPECT_TRUE(run.failed);
  EXPECT_TRUE(run.what.starts_with("an exception left the handler of server 0")) << run.what;
  EXPECT_TRUE(run.what.ends_with(": the child is broken")) << run.what;
}

}  // namespace
