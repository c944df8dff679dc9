// session_test.cpp - corners of a connection's life that few handlers come to.
#include <weir/server.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <weir/time.h>
#include <weir/when.h>

#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace unit {
namespace {

using namespace std::chrono_literals;
using support::Client;
using weir::Connection;
using weir::Task;

class Sessions : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, Sessions, testing::ValuesIn(different_models()),
                         model_name);

// There was no outbox left to wait for, but it was asked for room.
TEST_P(Sessions, May_await_a_send_long_after_all_of_it_has_gone) {
  constexpr std::size_t high = 1024;
  weir::Options options;
  options.outbox_high = high;
  options.outbox_low = high / 2;
  std::atomic<bool> full{false};
  const auto handler = [&full](Connection& peer) -> Task<> {
    const std::string block(high, 'x');
    for (;;) {
      weir::Sending kept = peer.send(block);
      if (peer.outbox_size() < 2 * high) {
        co_await std::move(kept);
        continue;
      }
      full = true;
      while (peer.outbox_size() != 0) co_await weir::sleep_for(1ms);
      co_await peer.send(block);  // On the stage, which it fills to the mark.
      co_await std::move(kept);
      co_return;
    }
  };
  RunningServer server(handler, GetParam(), options);
  Client client(server.address());
  EXPECT_TRUE(support::eventually([&] { return full.load(); }));
  const std::string all = client.receive_to_end();
  EXPECT_EQ(all, std::string(all.size(), 'x'));
  EXPECT_EQ(all.size() % high, 0U);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(server.server().statistics().ended, 1U);
}

// It still showed bytes of a buffer that was somebody else's by then, and could be sent again.
TEST_P(Sessions, Empty_a_chunk_that_is_given_away) {
  std::atomic<std::size_t> left{0};
  const RunningServer server(
      [&left](Connection& peer) -> Task<> {
        while (weir::Chunk bytes = co_await peer.receive()) {
          co_await peer.send(std::move(bytes));
          left += bytes.size();
          co_await peer.send(std::move(bytes));
        }
      },
      GetParam());
  Client client(server.address());
  for (const std::size_t size : {1U, 511U, 512U, 4000U}) {
    const std::string sent(size, 'x');
    EXPECT_EQ(client.converse(sent), sent) << size << " bytes";
  }
  EXPECT_EQ(left, 0U);
}

/// Blocks of many sizes, small and large: six digits that say how long it is, then `letter`s.
Task<> send_blocks(Connection& peer, char letter) {
  for (std::size_t i = 0; i < 60; ++i) {
    const std::size_t size = 100'000 + (i % 7 == 0 ? 20'000 : i * 97 % 5'000);
    const std::string block = std::to_string(size) + std::string(size - 100'000, letter);
    co_await peer.send(block);
    if (i % 5 == 0) co_await weir::sleep_for(1ms);
  }
}

TEST_P(Sessions, Keep_the_bytes_of_each_send_together_when_several_tasks_send) {
  weir::Options options;
  options.outbox_high = 20'000;
  options.outbox_low = 10'000;
  const auto handler = [](Connection& peer) -> Task<> {
    co_await weir::when_all(send_blocks(peer, 'a'), send_blocks(peer, 'b'),
                            send_blocks(peer, 'c'));
  };
  RunningServer server(handler, GetParam(), options);
  Client client(server.address(), {.receive_buffer = 65'536});
  std::size_t blocks = 0;
  for (std::string size; !(size = client.receive(6)).empty(); ++blocks) {
    const std::string block = client.receive(std::stoul(size) - 100'000);
    ASSERT_EQ(block.size(), std::stoul(size) - 100'000);
    ASSERT_EQ(block, std::string(block.size(), block.empty() ? 'x' : block.front()));
  }
  EXPECT_EQ(blocks, 180U);
}

Task<> nothing() { co_return; }

/// Starts another task when it goes.
struct Heir {
  explicit Heir(Connection& whose) : peer(whose) {}
  ~Heir() { peer.spawn(nothing()); }
  Heir(const Heir&) = delete;
  Heir& operator=(const Heir&) = delete;
  Connection& peer;
};

Task<> waits(Connection& peer, std::chrono::milliseconds time) {
  const Heir heir(peer);
  co_await weir::sleep_for(time);
}
Task<> owns(std::unique_ptr<Heir>, std::chrono::milliseconds time) {
  co_await weir::sleep_for(time);
}

// The last task's end was noted twice: by the heir's, and by its own.
TEST_P(Sessions, End_once_when_the_end_of_a_task_begins_another) {
  const auto handler = [](Connection& peer) -> Task<> {
    peer.spawn(owns(std::make_unique<Heir>(peer), 1ms));
    co_await weir::sleep_for(5ms);
    peer.spawn(waits(peer, 1ms));
    peer.spawn(owns(std::make_unique<Heir>(peer), 10s));  // Until the handler has ended.
    co_await peer.send("bye");
  };
  RunningServer server(handler, GetParam());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Client(server.address()).receive_to_end(), "bye");
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(server.server().statistics().ended, 3U);
}

// Beyond an array without NUL there may be anything.
TEST_P(Sessions, Send_of_arrays_what_comes_before_a_NUL_or_all) {
  const auto handler = [](Connection& peer) -> Task<> {
    const char fields[2][4] = {{'f', 'u', 'l', 'l'}, "cut"};
    const char* text = ", text, ";
    co_await peer.send(fields[0]);
    co_await peer.send(text);
    co_await peer.send(fields[0], ", ", fields[1], std::string_view("\0", 1));
  };
  RunningServer server(handler, GetParam());
  EXPECT_EQ(Client(server.address()).receive_to_end(),
            std::string("full, text, full, cut\0", 22));
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace unit
