// poller.h - the small part that differs between readiness models: who is ready?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/socket.h"

namespace weir::detail {

/// What somebody waits for, or what a poller says of a socket. Bits.
namespace interest {
constexpr std::uint8_t receive = 1;
constexpr std::uint8_t send = 2;
/// Of an event: a short read may have left something behind.
constexpr std::uint8_t mislead = 4;
}  // namespace interest

/// The sockets a poller watches, by descriptor. A report names a socket by descriptor and
/// generation, never by address: one that is late, for a descriptor that was closed and given
/// out again, finds nobody.
class SocketTable {
 public:
  struct Entry {
    Socket* socket = nullptr;
    std::uint32_t generation = 0;
  };

  /// Returns the generation under which the socket is found. Throws std::bad_alloc.
  std::uint32_t insert(Socket& socket) {
    const auto index = static_cast<std::size_t>(socket.fd);
    if (index >= entries_.size()) entries_.resize(index + 1 + index / 4);
    entries_[index].socket = &socket;
    return entries_[index].generation;
  }
  void erase(const Socket& socket) noexcept {
    Entry& entry = entries_[static_cast<std::size_t>(socket.fd)];
    entry.socket = nullptr;
    ++entry.generation;
  }
  Socket* find(int fd, std::uint32_t generation) const noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= entries_.size() || entries_[index].generation != generation) return nullptr;
    return entries_[index].socket;
  }
  Socket* find(int fd) const noexcept {
    const auto index = static_cast<std::size_t>(fd);
    return index < entries_.size() ? entries_[index].socket : nullptr;
  }

 private:
  std::vector<Entry> entries_;
};

class Poller {
 public:
  struct Ready {
    Socket* socket;
    std::uint8_t what;  // interest bits
  };

  virtual ~Poller() = default;

  /// Whether the socket can be watched at all: select has a limit. Others: always.
  virtual bool accepts(int /*fd*/) const noexcept { return true; }

  /// An operation parks on the socket and `socket.watched` lacks its direction.
  /// Returns 0 or -errno (out of memory, out of watches).
  virtual int watch(Socket& socket, std::uint8_t what) noexcept = 0;

  /// The socket is about to be closed.
  virtual void forget(Socket& socket) noexcept = 0;

  /// Waits up to `nanoseconds` (negative: for ever) and fills `ready`, which is empty. First
  /// makes the kernel's interest equal to what is parked, for pollers that keep telling.
  /// `idle_turns`: how many turns in a row found nothing to do.
  virtual void wait(std::int64_t nanoseconds, unsigned idle_turns, std::vector<Ready>& ready) = 0;

 protected:
  /// What is parked on the socket now.
  static std::uint8_t parked(const Socket& socket) noexcept {
    return static_cast<std::uint8_t>((socket.reader != nullptr ? interest::receive : 0) |
                                     (socket.writer != nullptr ? interest::send : 0));
  }
};

}  // namespace weir::detail
