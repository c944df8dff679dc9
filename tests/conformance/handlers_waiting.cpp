// handlers_waiting.cpp - handlers about time, several waits at once and cancelling.
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/conformance/handlers.h"

namespace conformance {

namespace {

using namespace std::chrono_literals;
using weir::Chunk;
using weir::Connection;
using weir::Task;

/// Waits for a message for settings.pause only, again and again.
Task<> deadline(Connection& peer, const Settings& settings) {
  while (true) {
    const char* answer = "too late\n";
    try {
      const Chunk bytes = co_await weir::within(settings.pause, peer.receive());
      if (!bytes) co_return;
      answer = "in time\n";
    } catch (const weir::IoError& error) {
      if (error.code() != std::errc::timed_out) throw;
    }
    co_await peer.send(answer);
  }
}

/// A deadline around a whole conversation, which calls other tasks.
Task<> converse(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}
Task<> whole_deadline(Connection& peer, const Settings& settings) {
  bool late = false;
  try {
    co_await weir::within(settings.pause, converse(peer));
  } catch (const weir::IoError& error) {
    if (error.code() != std::errc::timed_out) throw;
    late = true;
  }
  if (late) co_await peer.send("time is up\n");
}

/// Echoes, and ticks in between: each receive races with a sleep.
Task<> two_things(Connection& peer, const Settings& settings) {
  std::size_t ticks = 0;
  while (true) {
    auto [bytes, tick] = co_await weir::when_any(peer.receive(), weir::sleep_for(settings.pause));
    if (tick) ++ticks;
    if (!bytes) continue;
    if (bytes->empty()) break;
    co_await peer.send(*bytes);
  }
  const std::string answer = " ticks " + std::to_string(ticks) + "\n";
  co_await peer.send(answer);
}

/// Says "tick" until the peer says something.
Task<> ticker(Connection& peer, const Settings& settings) {
  while (true) {
    auto [bytes, tick] = co_await weir::when_any(peer.receive(), weir::sleep_for(settings.pause));
    if (bytes) break;
    co_await peer.send("tick\n");
  }
  co_await peer.send("stopped\n");
}

Task<> pump(Connection& from, Connection& to) {
  while (Chunk bytes = co_await from.receive()) co_await to.send(std::move(bytes));
  co_await to.finish();
}
Task<> proxy(Connection& peer, const Settings& settings) {
  weir::Client upstream = co_await weir::connect(settings.upstream);
  co_await weir::when_all(pump(peer, *upstream), pump(*upstream, peer));
}

/// Tells how connect() to settings.upstream ended.
Task<> dial(Connection& peer, const Settings& settings) {
  std::string answer = "connected\n";
  try {
    const weir::Client upstream = co_await weir::connect(settings.upstream);
  } catch (const weir::IoError& error) {
    const bool refused = error.code() == std::errc::connection_refused;
    answer = std::string(refused ? "refused: " : "wrong error: ") + error.what() + "\n";
  }
  co_await peer.send(answer);
}

Task<std::size_t> one() { co_return 1; }
Task<std::size_t> two() {
  const std::size_t first = co_await one();
  const std::size_t second = co_await one();
  co_return first + second;
}

/// settings.size awaits of tasks that end at once, then as many of a channel with room.
Task<> many_awaits(Connection& peer, const Settings& settings) {
  while (const Chunk start = co_await peer.receive()) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < settings.size; ++i) sum += co_await two();
    weir::Channel<std::size_t> numbers(1);
    for (std::size_t i = 0; i < settings.size; ++i) {
      co_await numbers.send(1);
      const auto number = co_await numbers.receive();
      sum += *number;
    }
    const std::string answer = std::to_string(sum) + "\n";
    co_await peer.send(answer);
  }
}

/// Sleeps before each answer.
Task<> late_echo(Connection& peer, const Settings& settings) {
  while (Chunk bytes = co_await peer.receive()) {
    co_await weir::sleep_for(settings.pause);
    co_await peer.send(bytes);
  }
}

/// Rests after each receive, so that the peer has to wait for it.
Task<> slow_consumer(Connection& peer, const Settings& settings) {
  std::size_t count = 0;
  while (Chunk bytes = co_await peer.receive()) {
    count += bytes.size();
    co_await weir::sleep_for(settings.pause);
  }
  const std::string answer = std::to_string(count) + "\n";
  co_await peer.send(answer);
}

Task<> sleep_until_cancelled(const Settings& settings) {
  try {
    co_await weir::sleep_for(1h);
    settings.report("the spawned task slept well");
  } catch (const weir::IoError& error) {
    const bool right = error.code() == std::errc::operation_canceled;
    settings.report(right ? "the spawned task was cancelled" : error.what());
    throw;
  }
}
/// Its task sleeps for longer than the handler lives.
Task<> spawns(Connection& peer, const Settings& settings) {
  peer.spawn(sleep_until_cancelled(settings));
  const Chunk bytes = co_await peer.receive();
  co_await peer.send(bytes);
}

/// A task beside the handler sends; the handler receives.
Task<> send_beside(Connection& peer) {
  for (int i = 0; i < 100; ++i) {
    co_await peer.send("beside\n");
    co_await weir::sleep_for(0ms);
  }
}
Task<> spawns_sender(Connection& peer, const Settings&) {
  peer.spawn(send_beside(peer));
  while (Chunk bytes = co_await peer.receive()) {}
}

/// Its last words when the handler has ended.
Task<> say_goodbye(Connection& peer) {
  try {
    co_await weir::sleep_for(1h);
  } catch (const weir::IoError&) {}
  co_await peer.send("good-bye\n");
}
Task<> spawns_goodbye(Connection& peer, const Settings&) {
  peer.spawn(say_goodbye(peer));
  while (Chunk bytes = co_await peer.receive()) {}
}

Task<> throw_later(const Settings& settings) {
  co_await weir::sleep_for(settings.pause);
  throw std::runtime_error("the spawned task throws");
}
Task<> spawns_thrower(Connection& peer, const Settings& settings) {
  peer.spawn(throw_later(settings));
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

Task<> chatter(Connection& peer, const Settings& settings) {
  while (true) {
    co_await peer.send("word");
    co_await weir::sleep_for(settings.pause);
  }
}
/// After the first word of the peer: speaks all the time, and waits for an answer.
Task<> chatters(Connection& peer, const Settings& settings) {
  Chunk bytes = co_await peer.receive();
  peer.spawn(chatter(peer, settings));
  while (bytes) bytes = co_await peer.receive();
}

/// Notices that it is cancelled, and says good-bye.
Task<> polite(Connection& peer, const Settings& settings) {
  co_await peer.send("welcome\n");
  try {
    while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
  } catch (const weir::IoError& error) {
    if (error.code() == std::errc::operation_canceled) settings.report("cancelled");
    throw;
  }
}

/// Stops or restarts the server on request, or answers late; else an echo. A stop gives sessions
/// 20 s to end.
Task<> stops(Connection& peer, const Settings& settings) {
  while (Chunk bytes = co_await peer.receive()) {
    if (bytes.text() == "stop") settings.stop();
    if (bytes.text() == "restart") settings.restart();
    if (bytes.text() == "slow") co_await weir::sleep_for(settings.pause);
    co_await peer.send(bytes);
  }
}

/// Waits beside its client for an inbox that always has a message.
Task<> full_inbox(Connection& peer, const Settings&) {
  weir::Channel<int> inbox(1);
  bool silent = true;
  while (silent) {
    static_cast<void>(inbox.try_send(1));
    auto [bytes, message] = co_await weir::when_any(peer.receive(), inbox.receive());
    silent = !bytes.has_value();
  }
  co_await peer.send("heard\n");
}

/// The same with one that is closed, which it does not heed.
Task<> closed_inbox(Connection& peer, const Settings&) {
  weir::Channel<int> inbox(1);
  inbox.close();
  while (true) co_await weir::when_any(peer.receive(), inbox.receive());
}

/// Echoes, and does not heed the end.
Task<> deaf(Connection& peer, const Settings&) {
  while (true) {
    const Chunk bytes = co_await peer.receive();
    if (bytes) co_await peer.send(bytes);
  }
}

/// Goes on until the server stops, and says goodbye.
Task<> until_stop(Connection& peer, const Settings&) {
  const Chunk bytes = co_await peer.receive();
  co_await peer.send(peer.stopping() ? "too early\n" : "hello\n");
  while (!peer.stopping()) co_await weir::sleep_for(1ms);
  co_await peer.send("goodbye\n");
}

}  // namespace

std::vector<Entry> waiting_handlers() {
  return {
      {"deadline", deadline},
      {"whole_deadline", whole_deadline},
      {"two_things", two_things},
      {"ticker", ticker},
      {"proxy", proxy},
      {"dial", dial},
      {"many_awaits", many_awaits},
      {"late_echo", late_echo},
      {"slow_consumer", slow_consumer},
      {"spawns", spawns},
      {"spawns_sender", spawns_sender},
      {"spawns_goodbye", spawns_goodbye},
      {"spawns_thrower", spawns_thrower},
      {"chatters", chatters},
      {"polite", polite},
      {"stops", stops},
      {"until_stop", until_stop},
      {"full_inbox", full_inbox},
      {"closed_inbox", closed_inbox},
      {"deaf", deaf},
  };
}

}  // namespace conformance
