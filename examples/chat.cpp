// chat.cpp - broadcast: every line that a client sends goes to all other clients.
//
// Shows a Channel as each client's inbox, Reader for lines, and a policy for those who do not
// read: whose inbox is full is thrown out with a reset, and nobody waits for them.
//
// Try it:  examples/chat [ADDRESS]  then  nc 127.0.0.1 7000  in two terminals. Every model whose
// clients share memory will do (WEIR_MODEL=threads examples/chat). On fork each is alone.
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <weir/weir.h>

namespace {

using Line = std::shared_ptr<const std::string>;  // One copy, however many read it.

struct Member {
  weir::Channel<Line> inbox{64};
  weir::Channel<bool> thrown_out{1};
};

struct Room {
  std::mutex mutex;  // Several threads may serve clients. A channel has a lock of its own.
  std::set<Member*> members;
};

// Who is in the room leaves it, however the handler ends.
class Presence {
 public:
  Presence(Room& room, Member& member) : room_(room), member_(member) {
    const std::lock_guard lock(room_.mutex);
    room_.members.insert(&member_);
  }
  ~Presence() {
    const std::lock_guard lock(room_.mutex);
    room_.members.erase(&member_);
  }
  Presence(const Presence&) = delete;

  void tell_others(const Line& line) {
    const std::lock_guard lock(room_.mutex);
    for (Member* each : room_.members) {
      if (each != &member_ && !each->inbox.try_send(line)) each->thrown_out.try_send(true);
    }
  }

 private:
  Room& room_;
  Member& member_;
};

weir::Task<> speak(weir::Connection& peer, Presence& presence) {
  weir::Reader reader(peer);
  while (auto text = co_await reader.until("\n", 1024)) {
    auto line = "client " + std::to_string(peer.id()) + ": ";
    line.append(*text).append("\n");
    presence.tell_others(std::make_shared<std::string>(std::move(line)));
  }
}

weir::Task<> listen(weir::Connection& peer, Member& self) {
  while (auto line = co_await self.inbox.receive()) co_await peer.send(**line);
}

weir::Task<> chat(weir::Connection& peer, Room& room) {
  Member self;
  Presence presence(room, self);
  auto [spoke, heard, thrown_out] = co_await weir::when_any(
      speak(peer, presence), listen(peer, self), self.thrown_out.receive());
  if (thrown_out) peer.reset();
}

}  // namespace

int main(int argc, char** argv) {
  Room room;
  const auto handler = [&room](weir::Connection& peer) { return chat(peer, room); };
  return weir::Server(handler).listen(argc > 1 ? argv[1] : "127.0.0.1:7000").run();
}
