// channel_test.cpp - Channel: order, bounds, closing; on one worker and across threads.
#include <weir/channel.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <weir/time.h>
#include <weir/when.h>
#include "tests/unit/every_model.h"

namespace unit {
namespace {

using namespace std::chrono_literals;
using weir::Channel;
using weir::Task;

class Channels : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, Channels, testing::ValuesIn(different_models()),
                         model_name);

Task<> send_numbers(Channel<int>& channel, int from, int to) {
  for (int i = from; i < to; ++i) co_await channel.send(i);
}
Task<int> receive_in_order(Channel<int>& channel, int count) {
  for (int i = 0; i < count; ++i) {
    const auto number = co_await channel.receive();
    if (!number || *number != i) co_return 1;
  }
  co_return 0;
}
/// The sum of all messages until the channel is closed.
Task<long> receive_sum(Channel<int>& channel) {
  long sum = 0;
  while (const auto number = co_await channel.receive()) sum += *number;
  co_return sum;
}

TEST_P(Channels, Keep_the_order_and_never_hold_more_than_their_capacity) {
  const auto body = []() -> Task<int> {
    Channel<int> channel(3);
    auto [sent, wrong] =
        co_await weir::when_all(send_numbers(channel, 0, 1000), receive_in_order(channel, 1000));
    co_return wrong;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(Channels, Refuse_what_does_not_fit_when_nobody_wants_to_wait) {
  Channel<int> channel(2);
  EXPECT_TRUE(channel.try_send(1));
  EXPECT_TRUE(channel.try_send(2));
  EXPECT_FALSE(channel.try_send(3));
  EXPECT_EQ(channel.capacity(), 2U);
}

// It had been moved away, and was lost to whoever wanted to try again.
TEST_P(Channels, Leave_what_they_refuse_to_whom_it_belongs) {
  Channel<std::unique_ptr<int>> channel(1);
  EXPECT_TRUE(channel.try_send(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(channel.try_send(std::move(second)));
  ASSERT_NE(second, nullptr);
  channel.close();
  EXPECT_FALSE(channel.try_send(std::move(second)));
  EXPECT_NE(second, nullptr);
}

TEST_P(Channels, Have_room_for_one_at_least) { EXPECT_EQ(Channel<int>(0).capacity(), 1U); }

TEST_P(Channels, Deliver_what_is_queued_before_they_say_that_they_are_closed) {
  const auto body = []() -> Task<int> {
    Channel<std::string> channel(4);
    if (!channel.try_send("one")) co_return 9;
    if (!channel.try_send("two")) co_return 9;
    channel.close();
    if (channel.try_send("three")) co_return 1;
    const auto first = co_await channel.receive();
    const auto second = co_await channel.receive();
    const auto third = co_await channel.receive();
    co_return first == "one" && second == "two" && !third ? 0 : 2;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(Channels, Wake_all_who_wait_when_they_are_closed) {
  const auto close_later = [](Channel<int>& channel) -> Task<> {
    co_await weir::sleep_for(1ms);
    channel.close();
  };
  const auto body = [&close_later]() -> Task<int> {
    Channel<int> channel(1);
    auto [a, b, closed] =
        co_await weir::when_all(channel.receive(), channel.receive(), close_later(channel));
    co_return a || b ? 1 : 0;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(Channels, Fail_a_sender_when_they_are_closed) {
  const auto body = []() -> Task<int> {
    Channel<int> channel(1);
    channel.close();
    try {
      co_await channel.send(1);
    } catch (const weir::IoError& error) {
      co_return error.code() == std::errc::broken_pipe ? 0 : 1;
    }
    co_return 2;
  };
  EXPECT_EQ(run_here(body()), 0);
}

/// Its move fails when it is told to, as one that runs out of memory does.
class Fragile {
 public:
  explicit Fragile(int number) : number_(number) {}
  Fragile(Fragile&& other) : number_(other.number_) {
    if (fails_in > 0 && --fails_in == 0) throw std::bad_alloc();
  }
  Fragile& operator=(Fragile&&) = delete;
  int number() const { return number_; }

  static inline int fails_in = 0;

 private:
  int number_;
};

// Whoever waited was taken off its list first, and then nobody ever resumed it.
TEST_P(Channels, Go_on_when_a_message_cannot_be_moved) {
  const auto send_two = [](Channel<Fragile>& channel) -> Task<> {
    co_await channel.send(Fragile(1));
    co_await channel.send(Fragile(2));
  };
  const auto receive_two = [](Channel<Fragile>& channel, int& failures) -> Task<int> {
    int sum = 0;
    for (int fails_in = 2; sum < 3;) {  // The sender's message, then the oldest one, cannot move.
      Fragile::fails_in = fails_in == 0 ? 0 : 3 - fails_in--;
      try {
        sum += (co_await channel.receive())->number();
      } catch (const std::bad_alloc&) { ++failures; }
      Fragile::fails_in = 0;
    }
    co_return sum;
  };
  const auto offer_later = [](Channel<Fragile>& channel, int& failures) -> Task<> {
    co_await weir::sleep_for(1ms);
    Fragile::fails_in = 1;
    try {
      static_cast<void>(channel.try_send(Fragile(3)));
    } catch (const std::bad_alloc&) { ++failures; }
    Fragile::fails_in = 0;
    EXPECT_TRUE(channel.try_send(Fragile(4)));
  };
  int failures = 0;
  const auto body = [&]() -> Task<int> {
    Channel<Fragile> channel(1);
    auto [sent, sum] = co_await weir::when_all(send_two(channel), receive_two(channel, failures));
    auto [received, offered] =
        co_await weir::when_all(channel.receive(), offer_later(channel, failures));
    co_return sum == 3 && received && received->number() == 4 ? 0 : 1;
  };
  EXPECT_EQ(run_here(body()), 0);
  EXPECT_EQ(failures, 3);
}

TEST_P(Channels, Forget_a_receiver_that_was_cancelled) {
  const auto body = []() -> Task<int> {
    Channel<int> channel(4);
    for (int i = 0; i < 50; ++i) {
      auto [number, tick] = co_await weir::when_any(channel.receive(), weir::sleep_for(0ms));
      if (number) co_return 1;
    }
    if (!channel.try_send(5)) co_return 9;
    const auto number = co_await channel.receive();
    co_return number && *number == 5 ? 0 : 2;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(Channels, Forget_a_sender_that_was_cancelled) {
  const auto body = []() -> Task<int> {
    Channel<int> channel(1);
    if (!channel.try_send(1)) co_return 9;
    auto [sent, tick] = co_await weir::when_any(channel.send(2), weir::sleep_for(1ms));
    if (sent) co_return 1;
    const auto first = co_await channel.receive();
    channel.close();
    const auto second = co_await channel.receive();
    co_return first == 1 && !second ? 0 : 2;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(Channels, Carry_messages_that_can_only_be_moved) {
  const auto body = []() -> Task<int> {
    Channel<std::unique_ptr<int>> channel(1);
    auto message = std::make_unique<int>(9);
    co_await channel.send(std::move(message));
    const auto got = co_await channel.receive();
    co_return **got == 9 ? 0 : 1;
  };
  EXPECT_EQ(run_here(body()), 0);
}

TEST_P(Channels, Carry_messages_between_threads) {
  Channel<int> channel(4);
  const weir::Model model = GetParam();
  constexpr int each = 2000;
  std::vector<std::thread> senders;
  for (int i = 0; i < 3; ++i) {
    senders.emplace_back([&] { EXPECT_EQ(weir::run(send_numbers(channel, 0, each), model), 0); });
  }
  long sum = 0;
  std::thread receiver([&] {
    const auto body = [](Channel<int>& from, long& into) -> Task<> {
      into = co_await receive_sum(from);
    };
    EXPECT_EQ(weir::run(body(channel, sum), model), 0);
  });
  for (std::thread& sender : senders) sender.join();
  channel.close();
  receiver.join();
  EXPECT_EQ(sum, 3L * each * (each - 1) / 2);
}

// For an answer, say, in the asker's frame. The sender may still hold the lock.
TEST_P(Channels, May_be_destroyed_by_the_one_who_waits_for_the_last_message) {
  constexpr int rounds = 300;
  std::atomic<Channel<int>*> asked{nullptr};
  std::thread answers([&asked] {
    for (int i = 0; i < rounds; ++i) {
      Channel<int>* where = nullptr;
      while ((where = asked.exchange(nullptr)) == nullptr) std::this_thread::yield();
      EXPECT_TRUE(where->try_send(i));
    }
  });
  const auto body = [&asked]() -> Task<int> {
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      Channel<int> answer(1);
      asked = &answer;
      const auto number = co_await answer.receive();
      if (number != i) ++wrong;
    }
    co_return wrong;
  };
  EXPECT_EQ(run_here(body()), 0);
  answers.join();
}

TEST_P(Channels, Take_messages_from_threads_that_run_no_worker) {
  Channel<int> channel(1000);
  std::thread sender([&channel] {
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(channel.try_send(i));
  });
  EXPECT_EQ(run_here(receive_in_order(channel, 1000)), 0);
  sender.join();
}

}  // namespace
}  // namespace unit
