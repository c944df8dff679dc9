// lacking_test.cpp - what a handler may rely on when memory runs out in the middle of a send.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include <weir/server.h>

#include "base/frame_fault.h"
#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

/// While it lives there is no memory for frames, nor for what waits for a send.
class NoFrames final : public detail::FrameFault {
 public:
  NoFrames() : before_(detail::exchange_frame_fault(this)) {}
  ~NoFrames() { detail::exchange_frame_fault(before_); }
  NoFrames(const NoFrames&) = delete;
  NoFrames& operator=(const NoFrames&) = delete;

  bool strikes() noexcept override {
    struck_ = true;
    return true;
  }
  bool has_struck() const noexcept { return struck_; }

 private:
  detail::FrameFault* before_;
  bool struck_ = false;
};

constexpr std::size_t piece_size = 1000;

std::string piece(std::size_t number) {
  std::string text = std::to_string(number);
  return text + std::string(piece_size - text.size(), '.');
}

// The client takes nothing until the outbox is full, and a send would have to wait.
Task<> send_until_memory_lacks(Connection& peer) {
  bool has_struck = false;
  for (std::size_t number = 0; !has_struck; ++number) {
    const std::string bytes = piece(number);
    const auto without_frames = [&] {
      const NoFrames fault;
      Sending sending = peer.send(bytes);
      has_struck = fault.has_struck();
      return sending;
    };
    co_await without_frames();
  }
  co_await peer.send("last");
}

class Lacking : public unit::EveryModel {};

// If it threw, a handler that tries once more would send it twice.
TEST_P(Lacking, Memory_to_wait_for_a_send_sends_it_once) {
  const unit::RunningServer server(send_until_memory_lacks, GetParam());
  support::Client client(server.address());
  support::settled([&] { return client.unread(); }, 100ms);
  const std::string got = client.receive_to_end();
  ASSERT_TRUE(got.ends_with("last"));
  for (std::size_t at = 0; at + 4 < got.size(); at += piece_size) {
    ASSERT_EQ(got.substr(at, piece_size), piece(at / piece_size));
  }
}

INSTANTIATE_TEST_SUITE_P(Every_model, Lacking, testing::ValuesIn(unit::different_models()),
                         unit::model_name);

}  // namespace
}  // namespace weir
