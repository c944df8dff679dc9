// handlers_sharing.cpp - handlers whose connections talk to each other.
#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/conformance/handlers.h"

namespace conformance {

namespace {

using weir::Chunk;
using weir::Connection;
using weir::Task;

/// Made by whoever asks for the table, that is, before any worker or child is.
weir::Channel<std::string>& mailbox() {
  static weir::Channel<std::string> channel(4);
  return channel;
}

/// "take" waits for a message of another connection, "give TEXT" leaves one.
Task<> hand_over(Connection& peer, const Settings&) {
  weir::Reader reader(peer);
  std::string answer;
  while (const auto line = co_await reader.until("\n", 4096)) {
    try {
      if (line->starts_with("give ")) {
        std::string message(line->substr(5));
        co_await mailbox().send(std::move(message));
        answer = "given\n";
      } else {
        const auto message = co_await mailbox().receive();
        answer = *message + "\n";
      }
    } catch (const weir::IoError& error) {
      const bool right = error.code() == std::errc::not_supported;
      answer = std::string(right ? "not shared: " : "wrong error: ") + error.what() + "\n";
    }
    co_await peer.send(answer);
  }
}

Task<> use_mailbox(std::string_view way) {
  if (way == "send") {
    std::string message("something");
    co_await mailbox().send(std::move(message));
  } else if (way == "receive") {
    co_await mailbox().receive();
  } else if (way == "either") {
    co_await weir::when_any(mailbox().receive(), weir::sleep_for(std::chrono::hours(1)));
  } else if (way == "try") {
    static_cast<void>(mailbox().try_send("something"));
  } else if (way == "close") {
    mailbox().close();
  }
}

/// Each line is a way to use a channel that was made before any worker; answers how it went.
Task<> use_channel(Connection& peer, const Settings&) {
  weir::Reader reader(peer);
  while (const auto way = co_await reader.until("\n", 100)) {
    std::string answer = "shared\n";
    try {
      co_await use_mailbox(*way);
    } catch (const weir::IoError& error) {
      const bool right = error.code() == std::errc::not_supported;
      answer = std::string(right ? "not shared: " : "wrong error: ") + error.what() + "\n";
    }
    co_await peer.send(answer);
  }
}

/// As hand_over, through a channel that the process makes that serves the first of them.
Task<> hand_over_within(Connection& peer, const Settings&) {
  static weir::Channel<std::string> made_here(4);
  weir::Reader reader(peer);
  while (const auto line = co_await reader.until("\n", 4096)) {
    std::string message(*line);
    if (message == "take") {
      const auto taken = co_await made_here.receive();
      co_await peer.send(*taken, "\n");
    } else {
      co_await made_here.send(std::move(message));
      co_await peer.send("given\n");
    }
  }
}

weir::Channel<Chunk>& belt() {
  static weir::Channel<Chunk> channel(4);
  return channel;
}

/// Whoever says "take" gets what all the others send, in the buffers it was received in.
Task<> hand_over_chunks(Connection& peer, const Settings&) {
  Chunk bytes = co_await peer.receive();
  const bool takes = bytes.text() == "take";
  co_await peer.send("ok");
  while (takes) {
    auto chunk = co_await belt().receive();
    co_await peer.send(std::move(*chunk));
  }
  while (Chunk given = co_await peer.receive()) co_await belt().send(std::move(given));
}

using Message = std::shared_ptr<const std::string>;
using Inbox = weir::Channel<Message>;

struct Room {
  std::mutex mutex;
  std::vector<Inbox*> inboxes;
};

Room& room() {
  static Room here;
  return here;
}

class Member {
 public:
  Member() {
    const std::lock_guard lock(room().mutex);
    room().inboxes.push_back(&inbox);
  }
  ~Member() {
    const std::lock_guard lock(room().mutex);
    std::erase(room().inboxes, &inbox);
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  static void tell_all(std::string_view text) {
    const auto message = std::make_shared<const std::string>(text);
    const std::lock_guard lock(room().mutex);
    for (Inbox* each : room().inboxes) static_cast<void>(each->try_send(message));
  }

  Inbox inbox{1024};
};

/// What one says, all hear, the speaker too.
Task<> chat(Connection& peer, const Settings&) {
  Member member;
  co_await peer.send("welcome\n");
  while (true) {
    auto [bytes, message] = co_await weir::when_any(peer.receive(), member.inbox.receive());
    if (message && *message) {
      const std::string_view text = ***message;
      co_await peer.send(text);
    }
    if (bytes && bytes->empty()) co_return;
    if (bytes) Member::tell_all(bytes->text());
  }
}

}  // namespace

std::vector<Entry> sharing_handlers() {
  mailbox();
  belt();
  return {{"hand_over", hand_over},
          {"hand_over_within", hand_over_within},
          {"hand_over_chunks", hand_over_chunks},
          {"use_channel", use_channel},
          {"chat", chat}};
}

}  // namespace conformance
