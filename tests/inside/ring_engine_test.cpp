// The engine over io_uring where several threads, or several turns of events, meet.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <weir/server.h>

#include "engine/completion.h"
#include "os/calls.h"
#include "os/listening.h"
#include "os/ring.h"
#include "os/waker.h"
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
  client.close();
  server.stop();
  kept.clear();
  const Statistics counted = server.server().statistics();
  EXPECT_GE(counted.buffers_missed, 1U) << "there were always buffers: nothing was tried";
  EXPECT_LE(counted.buffers_missed, 20U);
}

class Accept final : public Operation {
 public:
  Accept() noexcept : Operation(Kind::accept) {}
  void completed() noexcept override {}
};

class Listener final : public Socket {
 public:
  bool is_closed = false;

 private:
  void closed() noexcept override { is_closed = true; }
};

/// Pauses an acceptor, lets a client come, resumes if it is to, and stops, all in one turn. Returns
/// what came of it: a descriptor or -errno.
int pause_and_stop(bool resume_between) {
  const char* step = "";
  os::Waker waker;
  CompletionEngine engine({}, os::calls(), waker);
  Listener listener;
  listener.fd = os::listen_on(Endpoint::parse("127.0.0.1:0"), {}, step);
  listener.is_listener = true;
  Accept accept;
  accept.socket = &listener;
  engine.adopt(listener);
  EXPECT_FALSE(engine.start(accept));
  engine.turn(false);  // The kernel accepts from now on.
  engine.cancel(accept);
  Client client(os::local_endpoint(listener.fd).text());
  accept.unlink();
  accept.state = Operation::State::idle;
  listener.reader = nullptr;
  if (resume_between) { EXPECT_FALSE(engine.start(accept)); }
  engine.wind_up(listener);
  if (!resume_between) { EXPECT_FALSE(engine.start(accept)); }
  for (int i = 0; i < 100 && accept.pending(); ++i) engine.turn(false);
  EXPECT_FALSE(accept.pending());
  if (accept.result >= 0) engine.discard(accept.result);
  engine.close(listener);
  for (int i = 0; i < 100 && !listener.is_closed; ++i) engine.turn(false);
  EXPECT_TRUE(listener.is_closed);
  return accept.result;
}

// Stopped before the accept that the pause had called off was back: the engine took the listener
// for one on hold, and left the client there for whom it alone had been woken.
TEST_F(RingEngine, Accepts_who_is_left_after_a_pause_that_was_over_before_the_stop) {
  EXPECT_GE(pause_and_stop(true), 0) << "the client is left in the backlog";
}

TEST_F(RingEngine, Leaves_clients_to_others_when_it_is_stopped_in_a_pause) {
  EXPECT_EQ(pause_and_stop(false), -ECANCELED);
}

}  // namespace
}  // namespace weir::detail
