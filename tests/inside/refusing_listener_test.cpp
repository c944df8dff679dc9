// A listener that accept(2) refuses for good (EINVAL): somebody who shares it has shut it down.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string_view>
#include <thread>

#include <weir/server.h>

#include "os/listening.h"
#include "tests/inside/loop_models.h"
#include "tests/support/deadline.h"
#include "tests/unit/every_model.h"

namespace weir {
namespace {

using support::eventually;

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

std::atomic<bool> told{false};

void listen_to(LogLevel, std::string_view line) {
  if (line.find("cannot accept") != std::string_view::npos) told = true;
}

class RefusingListener : public unit::EveryModel {};

// On io-uring the worker asked again at once, for ever, and said nothing.
TEST_P(RefusingListener, Is_rested_from_and_told_of) {
  const char* step = "";
  const int listener = os::listen_on(Endpoint::parse("127.0.0.1:0"), {}, step);
  const int shared = ::dup(listener);
  ASSERT_GE(shared, 0);
  told = false;
  Server server(echo);
  server.listen_descriptor(listener).model(GetParam());
  server.on_log(listen_to);
  server.start();
  std::thread serving([&] { server.wait(); });
  ASSERT_EQ(::shutdown(shared, SHUT_RDWR), 0);
  EXPECT_TRUE(eventually([&] { return told.load(); }, std::chrono::seconds(10)));
  support::rest(std::chrono::milliseconds(100));  // A worker that spins makes thousands of turns.
  server.stop(std::chrono::seconds(1));
  serving.join();
  EXPECT_GE(server.statistics().accept_rests, 1U);
  if (GetParam() != Model::nonblocking) { EXPECT_LT(server.statistics().turns, 1000U); }
  ::close(shared);
}

INSTANTIATE_TEST_SUITE_P(Every_model, RefusingListener,
                         testing::ValuesIn(inside::loop_models_but(Model::automatic)),
                         unit::model_name);

}  // namespace
}  // namespace weir
