// reader.h - messages out of a stream: exact lengths, lines, peeking.
//
//     weir::Reader reader(peer);
//     while (auto line = co_await reader.until("\r\n", 8192)) co_await peer.send(*line);
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <weir/chunk.h>
#include <weir/connection.h>
#include <weir/task.h>

namespace weir {

/// Takes a connection's bytes apart. Every view it yields is valid until the next call on the
/// reader. It is not copied where it lies whole in one received chunk; what is split is gathered,
/// itself and nothing behind it, in memory of at most the length, or limit, asked for plus one
/// chunk. rest() alone gives a string of your own.
///
/// Lives in the handler; uses the connection's receive(), so nothing else may receive meanwhile.
/// The stream may end between messages, never inside one: that throws IoError(protocol_error).
/// What has come when a call is cancelled, by within() or a when_any, stays for the next one.
class Reader {
 public:
  explicit Reader(Connection& connection) noexcept : connection_(connection) {}

  /// Exactly `count` bytes; nothing when the peer has finished before the first of them.
  Task<std::optional<std::string_view>> exactly(std::size_t count);

  /// The bytes up to and without `delimiter`, which is taken too; nothing when the peer has
  /// finished before the first byte. Throws IoError(message_size) when the message, without
  /// its delimiter, is longer than `limit` bytes. Requires: delimiter is not empty.
  Task<std::optional<std::string_view>> until(std::string_view delimiter, std::size_t limit);

  /// The next `count` bytes, or fewer if the peer finishes before; they stay to be read.
  Task<std::string_view> peek(std::size_t count);

  /// What is next, at least one byte and without waiting for more; empty at the end. At most
  /// `most` bytes, so that a body can be passed on as it comes without what follows it.
  /// Requires: most is not 0.
  Task<std::string_view> some(std::size_t most = std::string_view::npos);

  /// Takes `count` bytes and drops them, without gathering them. Throws IoError(protocol_error)
  /// when the peer finishes before the last of them.
  Task<> skip(std::size_t count);

  /// Everything to the end of the stream. Throws IoError(message_size) beyond `limit` bytes.
  Task<std::string> rest(std::size_t limit);

  /// Bytes received already and not yet read.
  std::size_t buffered() const noexcept {
    return gathered_.size() - read_ + chunk_.size() - pending_;
  }

 private:
  std::string_view gathered() const noexcept;
  std::string_view front(std::size_t count);
  std::string_view take(std::size_t count);
  std::size_t find(std::string_view delimiter, std::size_t from) const noexcept;
  void drop_pending() noexcept;
  Task<bool> fill();

  Connection& connection_;
  std::string gathered_;     // The first bytes, if a message was split over chunks.
  std::size_t read_ = 0;     // Bytes of gathered_ that were read.
  Chunk chunk_;              // What follows: the latest chunk, less what was read of it.
  std::size_t pending_ = 0;  // Bytes handed out by the last call, dropped at the next.
};

}  // namespace weir
