#include "tests/simulation/handlers.h"

#include <algorithm>

#include <weir/client.h>
#include <weir/reader.h>
#include <weir/time.h>
#include <weir/when.h>

namespace simulation_tests {

using weir::Chunk;
using weir::Client;
using weir::Connection;
using weir::Task;

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

Task<> answer_lines(Connection& peer) {
  weir::Reader reader(peer);
  while (auto line = co_await reader.until("\n", 100'000)) {
    const std::string size = std::to_string(line->size());
    co_await peer.send(size, " ", *line, "\n");
  }
}

Task<> reverse_all(Connection& peer) {
  weir::Reader reader(peer);
  std::string all = co_await reader.rest(10'000'000);
  std::reverse(all.begin(), all.end());
  co_await peer.send(all);
}

Task<> give_and_leave(Connection& peer, std::size_t count) {
  const std::string all(count, 'x');
  co_await peer.send(all);
}

namespace {

Task<> pass_on(Connection& from, Connection& to) {
  while (Chunk bytes = co_await from.receive()) co_await to.send(std::move(bytes));
  co_await to.finish();
}

}  // namespace

Task<> proxy(Connection& client, weir::Endpoint upstream, bool at_once) {
  Chunk first;
  if (!at_once) first = co_await client.receive();
  const Client server = co_await weir::connect(std::move(upstream));
  if (!first.empty()) co_await server->send(std::move(first));
  auto both = weir::when_all(pass_on(client, *server), pass_on(*server, client));
  co_await std::move(both);
}

Task<> expect_soon(Connection& peer, std::chrono::seconds patience) {
  bool late = false;
  try {
    for (;;) {
      auto soon = weir::within(patience, peer.receive());
      const Chunk bytes = co_await std::move(soon);
      if (!bytes) break;
      co_await peer.send("ok");
    }
  } catch (const weir::IoError& error) {
    if (error.code() != std::errc::timed_out) throw;
    late = true;
  }
  if (late) co_await peer.send("late");
}

namespace {

class Presence {
 public:
  Presence(Room& room, Member& member) : room_(room), member_(member) {
    room_.members.push_back(&member_);
  }
  ~Presence() { std::erase(room_.members, &member_); }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  void tell_others(const std::shared_ptr<const std::string>& line) {
    for (Member* each : room_.members) {
      if (each == &member_ || each->behind) continue;
      if (!each->inbox.try_send(line)) {
        each->behind = true;
        each->inbox.close();
      }
    }
  }

 private:
  Room& room_;
  Member& member_;
};

Task<> speak(Connection& peer, Presence& presence) {
  weir::Reader reader(peer);
  while (auto text = co_await reader.until("\n", 1024)) {
    presence.tell_others(std::make_shared<std::string>(std::string(*text) + "\n"));
  }
}

Task<> listen(Connection& peer, Member& self, weir::simulation::World& world) {
  constexpr std::size_t staged = 16 * 1024;  // A buffer of small sends.
  while (auto line = co_await self.inbox.receive()) {
    co_await peer.send(**line);
    world.check(peer.outbox_size() <= chat_outbox_high + staged + (*line)->size(),
                "an outbox is bounded");
  }
}

}  // namespace

Task<> chat(Connection& peer, Room& room, weir::simulation::World& world) {
  Member self;
  Presence presence(room, self);
  auto both = weir::when_any(speak(peer, presence), listen(peer, self, world));
  co_await std::move(both);
}

}  // namespace simulation_tests
