// handlers_working.cpp - handlers about the worker that runs them.
#include <unistd.h>

#include <string>

#include "tests/conformance/handlers.h"

namespace conformance {

namespace {

using namespace std::chrono_literals;
using weir::Chunk;
using weir::Connection;
using weir::Task;

/// Blocks whoever runs it until there is a file of that name, for a minute at most.
void block(const Settings& settings) {
  for (int i = 0; i < 60'000 && access(settings.until_file.c_str(), F_OK) != 0; ++i) usleep(1000);
}

Task<Chunk> next(Connection& peer) { co_return co_await peer.receive(); }

Task<> sleep_and_block(const Settings& settings) {
  co_await weir::sleep_for(1ms);
  block(settings);
}

/// Blocks where the first word of the client says, then echoes it.
Task<> blocks(Connection& peer, const Settings& settings) {
  const Chunk word = co_await peer.receive();
  weir::Channel<int> messages(1);
  if (word.text() == "sleep") {
    co_await weir::sleep_for(1ms);
  } else if (word.text() == "within") {
    const Chunk more = co_await weir::within(1h, peer.receive());
  } else if (word.text() == "branch") {
    co_await weir::when_any(sleep_and_block(settings), weir::sleep_for(1h));
  } else if (word.text() == "spawn") {
    peer.spawn(sleep_and_block(settings));
    const Chunk more = co_await peer.receive();
  } else if (word.text() == "call") {
    const Chunk more = co_await next(peer);
  } else if (word.text() == "message") {
    co_await weir::when_any(messages.receive(), weir::sleep_for(1ms));
  }
  if (word.text() != "branch" && word.text() != "spawn") block(settings);
  co_await peer.send(word);
}

/// Blocks before its first wait.
Task<> blocks_at_once(Connection& peer, const Settings& settings) {
  block(settings);
  co_await peer.send("began\n");
}

/// An echo that blocks whoever runs it when it is told to.
Task<> blocks_when_told(Connection& peer, const Settings& settings) {
  while (Chunk bytes = co_await peer.receive()) {
    if (bytes.text() == "block") block(settings);
    co_await peer.send(bytes);
  }
}

/// The worker's number, this process and its parent; then an echo.
Task<> who(Connection& peer, const Settings&) {
  const std::string line = std::to_string(peer.id() >> 48) + " " + std::to_string(getpid()) +
                           " " + std::to_string(getppid()) + "\n";
  co_await peer.send(line);
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

}  // namespace

std::vector<Entry> working_handlers() {
  return {
      {"blocks", blocks},
      {"blocks_at_once", blocks_at_once},
      {"blocks_when_told", blocks_when_told},
      {"who", who},
  };
}

}  // namespace conformance
