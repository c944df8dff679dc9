// chat.cpp - broadcast: every line that a client sends goes to all other clients.
//
// Shows a Channel as each client's inbox, Reader for lines, and a policy for those who do not
// read: whose inbox stays full for a second is thrown out with a reset. Until then whoever has
// something to say waits for room, so a burst costs nobody a line who keeps up.
//
// Try it:  examples/chat [ADDRESS]  then  nc 127.0.0.1 7000  in two terminals. Every model whose
// clients share memory will do (WEIR_MODEL=threads examples/chat). On fork each is alone.
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weir/weir.h>

namespace {

using namespace std::chrono_literals;
using Line = std::shared_ptr<const std::string>;  // One copy, however many read it.

struct Member {
  weir::Channel<Line> inbox{64};
  weir::Channel<bool> thrown_out{1};
};

// Several threads may serve clients, so there is a lock. A channel has one of its own.
class Room {
 public:
  std::shared_ptr<Member> enter() {
    const std::lock_guard lock(mutex_);
    return *members_.insert(std::make_shared<Member>()).first;
  }
  void leave(const std::shared_ptr<Member>& member) {
    member->inbox.close();  // Who waits for room there waits no longer.
    const std::lock_guard lock(mutex_);
    members_.erase(member);
  }
  std::vector<std::shared_ptr<Member>> members() {
    const std::lock_guard lock(mutex_);
    return {members_.begin(), members_.end()};
  }

 private:
  std::mutex mutex_;
  std::set<std::shared_ptr<Member>> members_;
};

// Who is in the room leaves it, however the handler ends.
struct Presence {
  Room& room;
  const std::shared_ptr<Member> member = room.enter();
  ~Presence() { room.leave(member); }
};

weir::Task<> tell(Member& other, const Line& line) {
  try {
    co_await weir::within(1s, other.inbox.send(line));
  } catch (const weir::IoError& error) {
    if (error.code() == std::errc::timed_out) static_cast<void>(other.thrown_out.try_send(true));
    else if (error.code() != std::errc::broken_pipe) throw;  // Broken pipe: he has left.
  }
}

weir::Task<> speak(weir::Connection& peer, Presence& self) {
  weir::Reader reader(peer);
  while (auto text = co_await reader.until("\n", 1024)) {
    auto line = std::make_shared<std::string>("client " + std::to_string(peer.id()) + ": ");
    line->append(*text).append("\n");
    const auto members = self.room.members();
    for (const auto& each : members) {
      if (each != self.member) co_await tell(*each, line);
    }
  }
}

weir::Task<> listen(weir::Connection& peer, Member& self) {
  while (auto line = co_await self.inbox.receive()) co_await peer.send(**line);
}

weir::Task<> chat(weir::Connection& peer, Room& room) {
  Presence self{room};
  auto [spoke, heard, thrown_out] = co_await weir::when_any(
      speak(peer, self), listen(peer, *self.member), self.member->thrown_out.receive());
  if (thrown_out) peer.reset();
}

}  // namespace

int main(int argc, char** argv) {
  Room room;
  const auto handler = [&room](weir::Connection& peer) { return chat(peer, room); };
  return weir::Server(handler).listen(argc > 1 ? argv[1] : "127.0.0.1:7000").run();
}
