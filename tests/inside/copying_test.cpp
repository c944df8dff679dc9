// Where bytes lie when the kernel writes them, and where it reads them: what is given away, and
// what a Reader yields, is not copied; several pieces go out in one call.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>

#include <weir/reader.h>
#include <weir/server.h>

#include "os/tap.h"
#include "tests/support/client.h"
#include "tests/support/random.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace weir {
namespace {

using os::Call;
using os::CallKind;
using support::Client;

/// Notes where the last bytes came in, and where those were that went out; counts the calls.
class Places final : public os::Tap {
 public:
  Places() { os::install(this); }
  ~Places() { os::install(nullptr); }

  // Before a send, because after it the client may be ahead of us.
  bool before(Call& call) noexcept override {
    if (call.kind == CallKind::send) went_from = call.arguments[1];
    if (call.kind == CallKind::send || call.kind == CallKind::sendmsg) ++sends;
    return false;
  }
  void after(Call& call) noexcept override {
    if (call.kind == CallKind::recv && call.result > 0) came_to = call.arguments[1];
  }

  std::atomic<std::uint64_t> came_to{0};
  std::atomic<std::uint64_t> went_from{0};
  std::atomic<int> sends{0};
};

class Copying : public unit::EveryModel {};

TEST_P(Copying, Of_a_chunk_that_is_given_away_there_is_none) {
  Places places;
  const unit::RunningServer server(
      [](Connection& peer) -> Task<> {
        while (Chunk bytes = co_await peer.receive()) co_await peer.send(std::move(bytes));
      },
      GetParam());
  Client client(server.address());
  for (const std::size_t size : {512U, 1000U, 4000U}) {
    const std::string sent = support::random_bytes(size, size);
    ASSERT_TRUE(client.converse(sent) == sent);
    EXPECT_EQ(places.went_from, places.came_to) << size << " bytes";
  }
}

TEST_P(Copying, Of_a_large_send_there_is_none) {
  Places places;
  std::string large = support::random_bytes(1, 8000);
  const unit::RunningServer server(
      [&large](Connection& peer) -> Task<> {
        while (const Chunk bytes = co_await peer.receive()) co_await peer.send(large);
      },
      GetParam());
  Client client(server.address());
  client.send("x");
  ASSERT_TRUE(client.receive(large.size()) == large);
  EXPECT_EQ(places.went_from, reinterpret_cast<std::uintptr_t>(large.data()));
}

TEST_P(Copying, Of_a_message_that_a_reader_finds_in_one_chunk_there_is_none) {
  Places places;
  std::atomic<bool> in_place{true};
  const unit::RunningServer server(
      [&](Connection& peer) -> Task<> {
        Reader reader(peer);
        while (const auto line = co_await reader.until("\n", 4000)) {
          const auto offset = reinterpret_cast<std::uintptr_t>(line->data()) - places.came_to;
          if (offset >= 4096) in_place = false;
          co_await peer.send(".");
        }
      },
      GetParam());
  Client client(server.address());
  for (int i = 0; i < 10; ++i) {
    client.send("one\n" + std::string(1000, 'x') + "\nthree\n");
    ASSERT_EQ(client.receive(3), "...");
  }
  EXPECT_TRUE(in_place);
}

TEST_P(Copying, Several_pieces_go_out_in_one_call_small_or_large) {
  Places places;
  const std::string large = support::random_bytes(1, 6000);
  const unit::RunningServer server(
      [&large](Connection& peer) -> Task<> {
        while (const Chunk bytes = co_await peer.receive()) {
          const std::array<std::byte, 3> raw{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
          if (bytes.text() == "small") {
            co_await peer.send("<", std::string_view("text"), std::span(raw), bytes, ">");
          } else {
            co_await peer.send("<", large, ">");
          }
        }
      },
      GetParam());
  Client client(server.address());
  client.send("small");
  ASSERT_EQ(client.receive(14), "<textabcsmall>");
  EXPECT_EQ(places.sends, 1);
  client.send("large");
  ASSERT_TRUE(client.receive(6002) == "<" + large + ">");
  EXPECT_EQ(places.sends, 2);
}

std::vector<Model> models_that_call() {
  std::vector<Model> models;
  for (const Model model : unit::different_models()) {
    // Its requests name no place that a tap could see.
    if (model != Model::io_uring) models.push_back(model);
  }
  models.push_back(Model::threads);
  return models;
}

INSTANTIATE_TEST_SUITE_P(Every_model, Copying, testing::ValuesIn(models_that_call()),
                         unit::model_name);

}  // namespace
}  // namespace weir
