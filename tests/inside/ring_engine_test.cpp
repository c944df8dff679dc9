// The engine over io_uring where several threads, or several turns of events, meet.
#include <gtest/gtest.h>

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <weir/server.h>

#include "kernel/ring.h"
#include "os/ring.h"
#include "tests/support/client.h"
#include "tests/unit/running_server.h"

namespace weir::detail {
namespace {

using support::Client;

class RingEngine : public testing::Test {
 protected:
  void SetUp() override {
    if (const int error = os::Ring::probe(); error != 0) {
      GTEST_SKIP() << os::Ring::explain(-error);
    }
  }
};

// Once every buffer of the ring had been released by another thread the ring never had one again,
// and each receive was a poll and a call into other memory.
TEST_F(RingEngine, Has_its_buffers_again_that_another_thread_has_released) {
  std::mutex mutex;
  std::vector<Chunk> kept;
  const auto keep = [&](Connection& peer) -> Task<> {
    while (Chunk bytes = co_await peer.receive()) {
      {
        const std::lock_guard lock(mutex);
        kept.push_back(std::move(bytes));
      }
      co_await peer.send("k");
    }
  };
  unit::RunningServer server(keep, Model::io_uring);
  Client client(server.address());
  const std::size_t all = kernel::Ring::Options().buffers;
  for (std::size_t i = 0; i < all + 10; ++i) ASSERT_EQ(client.converse("x"), "k");
  for (std::size_t i = 0; i < 500; ++i) {
    {
      const std::lock_guard lock(mutex);
      kept.clear();
    }
    ASSERT_EQ(client.converse("x"), "k");
  }
  kept.clear();
  client.close();
  server.stop();
  const Statistics counted = server.server().statistics();
  EXPECT_GE(counted.buffers_missed, 1U) << "there were always buffers: nothing was tried";
  EXPECT_LE(counted.buffers_missed, 20U);
}

}  // namespace
}  // namespace weir::detail
