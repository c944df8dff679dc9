// handlers_stream.cpp - handlers about bytes: sending, receiving, closing.
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/handlers.h"
#include "tests/support/random.h"

namespace conformance {

namespace {

using weir::Chunk;
using weir::Connection;
using weir::Task;

Task<> echo(Connection& peer, const Settings&) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

Task<> echo_moved(Connection& peer, const Settings&) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(std::move(bytes));
}

Task<> discard(Connection& peer, const Settings&) {
  while (Chunk bytes = co_await peer.receive()) {}
}

/// Keeps every buffer it is given until the peer has finished.
Task<> keep_chunks(Connection& peer, const Settings&) {
  std::vector<Chunk> kept;
  while (Chunk bytes = co_await peer.receive()) kept.push_back(std::move(bytes));
  for (Chunk& bytes : kept) co_await peer.send(std::move(bytes));
}

/// Reads to the end, then answers how much it was.
Task<> half_close(Connection& peer, const Settings&) {
  std::size_t count = 0;
  while (Chunk bytes = co_await peer.receive()) count += bytes.size();
  const std::string answer = std::to_string(count) + "\n";
  co_await peer.send(answer);
}

/// Finishes its own direction first, then reads to the end.
Task<> finish_first(Connection& peer, const Settings& settings) {
  co_await peer.send("bye\n");
  co_await peer.finish();
  std::size_t count = 0;
  while (Chunk bytes = co_await peer.receive()) count += bytes.size();
  settings.report("received " + std::to_string(count));
  try {
    co_await peer.send("too late");
  } catch (const weir::IoError& error) {
    const bool right = error.code() == std::errc::broken_pipe;
    settings.report(right ? "sending is over" : std::string("wrong error: ") + error.what());
  }
}

/// Sends settings.size bytes, the same every time, and returns at once.
Task<> sender(Connection& peer, const Settings& settings) {
  const std::string bytes = support::random_bytes(1, settings.size);
  for (std::size_t at = 0; at < bytes.size(); at += settings.piece) {
    const std::string_view piece = std::string_view(bytes).substr(at, settings.piece);
    co_await peer.send(piece);
  }
}

/// On the first byte from the peer: sends for ever, whether anybody reads or not.
Task<> flood(Connection& peer, const Settings& settings) {
  const std::string piece = support::random_bytes(1, settings.piece);
  co_await peer.send("ready\n");
  const Chunk start = co_await peer.receive();
  if (!start) co_return;
  while (true) co_await peer.send(piece);
}

/// Says "ready". To one who says "flood" it sends for ever; others get back late what they say, and
/// it is held meanwhile.
Task<> floods_or_holds(Connection& peer, const Settings& settings) {
  const std::string piece = support::random_bytes(1, settings.piece);
  co_await peer.send("ready\n");
  while (Chunk bytes = co_await peer.receive()) {
    if (bytes.text() == "flood") {
      bytes = {};
      while (true) co_await peer.send(piece);
    }
    co_await weir::sleep_for(settings.pause);
    co_await peer.send(bytes);
  }
}

Task<> send_for_ever(Connection& peer, const std::string& piece) {
  while (true) co_await peer.send(piece);
}

/// Tells how much is queued when a peer does not read.
Task<> outbox(Connection& peer, const Settings& settings) {
  const std::string piece = support::random_bytes(1, settings.piece);
  try {
    co_await weir::within(settings.pause, send_for_ever(peer, piece));
  } catch (const weir::IoError& error) {
    if (error.code() != std::errc::timed_out) throw;
    settings.report("outbox " + std::to_string(peer.outbox_size()));
    throw;
  }
}

/// Gives up a large send half-way, then tries to send more.
Task<> half_sent(Connection& peer, const Settings& settings) {
  const std::string bytes = support::random_bytes(1, settings.size);
  bool late = false;
  try {
    co_await weir::within(settings.pause, peer.send(bytes));
  } catch (const weir::IoError& error) { late = error.code() == std::errc::timed_out; }
  settings.report(late ? "gave up" : "sent all");
  try {
    co_await peer.send("more");
    settings.report("sent more");
  } catch (const weir::IoError& error) {
    const bool right = error.code() == std::errc::broken_pipe;
    settings.report(right ? "the stream is cut" : std::string("wrong error: ") + error.what());
  }
}

/// A bug in a handler: two receives on one connection at the same time.
Task<> receives_twice(Connection& peer, const Settings&) {
  co_await weir::when_all(peer.receive(), peer.receive());
}

/// Throws when it is told to; else an echo.
Task<> moody(Connection& peer, const Settings&) {
  while (Chunk bytes = co_await peer.receive()) {
    if (bytes.text() == "throw") throw std::runtime_error("the handler throws, as it was told");
    if (bytes.text() == "abort") std::abort();
    co_await peer.send(bytes);
  }
}

Task<> resets(Connection& peer, const Settings& settings) {
  Chunk bytes = co_await peer.receive();
  peer.reset();
  try {
    bytes = co_await peer.receive();
    settings.report("a receive went on after reset()");
  } catch (const weir::IoError& error) {
    const bool right = error.code() == std::errc::connection_reset;
    settings.report(right ? "reset" : std::string("wrong error: ") + error.what());
  }
}

/// Answers each line with its number, a colon and the line.
Task<> lines(Connection& peer, const Settings&) {
  weir::Reader reader(peer);
  std::size_t number = 0;
  while (auto line = co_await reader.until("\n", 4096)) {
    const std::string count = std::to_string(++number);
    co_await peer.send(count, ":", *line, "\n");
  }
}

/// Reads settings.size bytes one by one, nearly all of them without waiting.
Task<> byte_by_byte(Connection& peer, const Settings& settings) {
  weir::Reader reader(peer);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < settings.size; ++i) {
    const auto byte = co_await reader.exactly(1);
    if (!byte) co_return;
    sum += static_cast<unsigned char>(byte->front());
  }
  const std::string answer = std::to_string(sum) + "\n";
  co_await peer.send(answer);
}

/// Who is who, in one line.
Task<> addresses(Connection& peer, const Settings&) {
  const std::string id = std::to_string(peer.id());
  const std::string from = peer.peer().text();
  const std::string to = peer.local().text();
  co_await peer.send(id, " ", from, " ", to, "\n");
  while (Chunk bytes = co_await peer.receive()) {}
}

/// Who it is, in one line, and then what he sends.
Task<> addresses_and_echo(Connection& peer, const Settings& settings) {
  const std::string from = peer.peer().text();
  const std::string to = peer.local().text();
  co_await peer.send(from, " ", to, "\n");
  co_await echo(peer, settings);
}

}  // namespace

std::vector<Entry> stream_handlers() {
  return {
      {"echo", echo},
      {"echo_moved", echo_moved},
      {"discard", discard},
      {"keep_chunks", keep_chunks},
      {"half_close", half_close},
      {"finish_first", finish_first},
      {"sender", sender},
      {"flood", flood},
      {"floods_or_holds", floods_or_holds},
      {"outbox", outbox},
      {"half_sent", half_sent},
      {"receives_twice", receives_twice},
      {"moody", moody},
      {"resets", resets},
      {"lines", lines},
      {"byte_by_byte", byte_by_byte},
      {"addresses", addresses},
      {"addresses_and_echo", addresses_and_echo},
  };
}

}  // namespace conformance
