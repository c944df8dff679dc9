// Trace: what a server asks of the system, recorded while it runs.
#include <weir/trace.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <weir/connection.h>
#include <weir/endpoint.h>
#include <weir/error.h>

#include "tests/support/client.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace unit {
namespace {

using weir::Trace;
using weir::TracedCall;

weir::Task<> echo(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

std::size_t count(const std::vector<TracedCall>& calls, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count(calls, name, &TracedCall::name));
}

// Records one conversation with a server in this process.
std::vector<TracedCall> recorded(weir::Model model) {
  Trace trace;
  RunningServer server(echo, model);
  {
    support::Client client(server.address());
    client.send("hello");
    EXPECT_EQ(client.receive(5), "hello");
    // Read while the server works: calls that have not returned are told as such.
    EXPECT_GE(trace.calls().size(), trace.returned() > 0 ? 1u : 0u);
  }
  server.stop();
  EXPECT_EQ(trace.lost(), 0u);
  return trace.calls();
}

class Traces : public EveryModel {};

TEST_P(Traces, Hold_the_calls_in_the_order_of_returning) {
  const std::vector<TracedCall> calls = recorded(GetParam());
  EXPECT_EQ(count(calls, "bind"), 1u);
  EXPECT_EQ(count(calls, "listen"), 1u);
  const auto accepted = std::ranges::find_if(calls, &TracedCall::accepted);
  ASSERT_NE(accepted, calls.end());
  EXPECT_TRUE(std::ranges::is_partitioned(calls, &TracedCall::returned));
  const auto returned = std::ranges::partition_point(calls, &TracedCall::returned);
  for (auto call = calls.begin(); call != returned; ++call) EXPECT_GE(call->end, call->begin);
  // The words arrive at the descriptor that was accepted.
  const auto fd = static_cast<int>(accepted->result);
  EXPECT_TRUE(std::any_of(accepted, calls.end(), [fd](const TracedCall& call) {
    const bool receives = call.name == "recv" || call.name == "cqe:recv";
    return receives && call.fd == fd && call.result == 5;
  }));
}

TEST_P(Traces, Give_each_call_once_to_who_looks_again) {
  Trace trace;
  RunningServer server(echo, GetParam());
  const support::Client client(server.address());
  std::size_t seen = 0;
  for (bool stopped = false; seen < trace.returned() || !stopped;) {
    for (const TracedCall& call : trace.calls(seen)) {
      EXPECT_EQ(call.returned, call.order != 0);
      if (call.order == seen + 1) ++seen;
      EXPECT_TRUE(!call.returned || call.order >= seen);
    }
    if (seen > 0 && !std::exchange(stopped, true)) server.stop();
  }
  const std::vector<TracedCall> calls = trace.calls();
  for (std::size_t i = 0; i < seen; ++i) EXPECT_EQ(calls.at(i).order, i + 1);
  EXPECT_TRUE(std::ranges::none_of(trace.calls(seen), &TracedCall::returned));
}

// Not fork: its child would hold this test's own end of the connection. `weir explain` has it.
std::vector<weir::Model> models_and_threads() {
  std::vector<weir::Model> models = different_models();
  models.push_back(weir::Model::threads);
  return models;
}

INSTANTIATE_TEST_SUITE_P(Every_model, Traces, testing::ValuesIn(models_and_threads()),
                         model_name);

TEST(Traces_of_threads, Leave_out_those_that_are_spared) {
  Trace trace;
  std::thread spared([] {
    Trace::spare_this_thread();
    weir::Options options;
    options.stall_after = {};  // The watcher's thread is not spared.
    weir::Server server(echo);
    server.listen("127.0.0.1:0").model(weir::Model::poll).options(options);
    server.start();
    server.stop();
    server.wait();
  });
  spared.join();
  EXPECT_EQ(trace.returned(), 0u);
}

TEST(Traces_one_after_another, Begin_anew) {
  {
    Trace first;
    Trace::spare_this_thread();
    weir::Server server(echo);
    server.listen("127.0.0.1:0").model(weir::Model::poll);
    server.start();
    EXPECT_EQ(count(first.calls(), "socket"), 0u);
    server.stop();
    server.wait();
  }
  Trace second;
  EXPECT_EQ(second.returned(), 0u);
  weir::Server server(echo);
  server.listen("127.0.0.1:0").model(weir::Model::poll);
  server.start();
  EXPECT_EQ(count(second.calls(), "socket"), 1u);
  second.stop();
  server.stop();
  server.wait();
  EXPECT_EQ(count(second.calls(), "poll"), 0u);
}

}  // namespace
}  // namespace unit
