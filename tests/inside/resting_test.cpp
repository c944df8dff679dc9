// A listener that rests because descriptors were out, and a server that is full meanwhile.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <weir/server.h>

#include "os/tap.h"
#include "tests/inside/loop_models.h"
#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/unit/every_model.h"

namespace weir {
namespace {

using os::Call;
using os::CallKind;
using support::Client;
using support::eventually;

/// Lets no client in while `closed` is set, as if descriptors were out; counts those it lets in.
class Gate final : public os::Tap {
 public:
  Gate() { os::install(this); }
  ~Gate() { os::install(nullptr); }

  bool before(Call& call) noexcept override {
    if (call.kind != CallKind::accept4 || !closed) return false;
    call.result = -EMFILE;
    ++refused;
    return true;
  }
  void after(Call& call) noexcept override {
    if (call.kind == CallKind::accept4 && call.result >= 0) ++let_in;
  }

  std::atomic<bool> closed{false};
  std::atomic<int> refused{0};
  std::atomic<int> let_in{0};
};

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

class Resting : public unit::EveryModel {};

// The timer of a rest that was cut short, because a connection had closed, made a paused listener
// accept again: the server took every client off the backlog, and served none of them.
TEST_P(Resting, Leaves_clients_in_the_backlog_when_the_server_is_full_again) {
  Gate gate;
  Server server(echo);
  Options options;
  options.connections_max = 2;
  server.options(options).model(GetParam()).listen("127.0.0.1:0");
  server.start();
  std::thread serving([&] { server.wait(); });
  const std::string address = server.endpoints().at(0).text();

  auto first = std::make_unique<Client>(address);
  EXPECT_EQ(first->converse("x"), "x");
  gate.closed = true;
  std::vector<Client> others;
  for (int i = 0; i < 6; ++i) others.emplace_back(address);
  ASSERT_TRUE(eventually([&] { return gate.refused >= 6; })) << "it rests longer each time";
  const int refused = gate.refused;
  ASSERT_TRUE(eventually([&] { return gate.refused > refused; }));
  gate.closed = false;
  first.reset();
  EXPECT_TRUE(eventually([&] { return gate.let_in >= 3; }));
  support::rest(std::chrono::milliseconds(200));
  EXPECT_EQ(gate.let_in, 3) << "two are served, the third that was let in is the first, who left";
  while (!others.empty()) {
    EXPECT_EQ(others.front().converse("x"), "x");
    others.erase(others.begin());
  }
  server.stop(std::chrono::seconds(5));
  serving.join();
}

// It was destroyed while the loop still had the timer in one of its lists.
TEST_P(Resting, May_be_stopped_meanwhile) {
  Gate gate;
  Server server(echo);
  server.model(GetParam()).listen("127.0.0.1:0");
  server.start();
  std::thread serving([&] { server.wait(); });
  gate.closed = true;
  const Client client(server.endpoints().at(0).text());
  EXPECT_TRUE(eventually([&] { return gate.refused > 2; }));
  server.stop();
  serving.join();
  EXPECT_EQ(gate.let_in, 0);
}

// The gate holds up calls, not those that have begun to block, and not requests.
INSTANTIATE_TEST_SUITE_P(Every_model, Resting,
                         testing::ValuesIn(inside::loop_models_but(Model::io_uring)),
                         unit::model_name);

}  // namespace
}  // namespace weir
