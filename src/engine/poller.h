// poller.h - the small part that differs between readiness models: who is ready?
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/list.h"
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
  /// Returns the generation under which the socket is found. Throws std::bad_alloc.
  std::uint32_t insert(Socket& socket) {
    const auto index = static_cast<std::size_t>(socket.fd);
    if (index >= entries_.size()) entries_.resize(index + 1);
    const std::uint64_t generation = entries_[index] & generation_bits;
    entries_[index] = generation | reinterpret_cast<std::uintptr_t>(&socket);
    return static_cast<std::uint32_t>(generation >> address_bits);
  }
  void erase(const Socket& socket) noexcept {
    std::uint64_t& entry = entries_[static_cast<std::size_t>(socket.fd)];
    entry = (entry & generation_bits) + (std::uint64_t{1} << address_bits);
  }
  Socket* find(std::uint32_t fd, std::uint32_t generation) const noexcept {
    const std::uint64_t entry = fd < entries_.size() ? entries_[fd] : 0;
    if (entry >> address_bits != generation) return nullptr;
    return reinterpret_cast<Socket*>(entry & ~generation_bits);
  }

 private:
  // The user's half of the address space has 47 bits on every 64-bit Linux, unless a program
  // asks for more with mmap's hint.
  static constexpr unsigned address_bits = 48;
  static constexpr std::uint64_t generation_bits = ~std::uint64_t{0} << address_bits;

  std::vector<std::uint64_t> entries_;  // The generation above, the address below.
};

class Poller {
 public:
  using List = base::List<Operation>;

  virtual ~Poller() = default;

  /// Whether the socket can be watched at all: select has a limit. Others: always.
  virtual bool accepts(int /*fd*/) const noexcept { return true; }

  /// An operation parks on the socket and `socket.watched` lacks its direction.
  /// Returns 0 or -errno (out of memory, out of watches).
  virtual int watch(Socket& socket, std::uint8_t what) noexcept = 0;

  /// The socket is about to be closed.
  virtual void forget(Socket& socket) noexcept = 0;

  /// Waits up to `nanoseconds` (negative: for ever) and tells each socket that is ready: what is
  /// parked there goes to the end of `runnable`. Nothing resumes while the report is walked. First
  /// makes the kernel's interest equal to what is parked, for pollers that keep telling.
  /// `idle_turns`: how many turns in a row found nothing to do.
  virtual void wait(std::int64_t nanoseconds, unsigned idle_turns, List& runnable) = 0;

 protected:
  /// Notes what the kernel said of a socket, in interest bits.
  static void tell(Socket& socket, std::uint8_t what, List& runnable) noexcept {
    if ((what & interest::mislead) != 0) socket.short_reads_mislead = true;
    if ((what & interest::receive) != 0) {
      socket.may_receive = true;
      if (socket.reader != nullptr) move(*socket.reader, runnable);
    }
    if ((what & interest::send) != 0) {
      socket.may_send = true;
      if (socket.writer != nullptr) move(*socket.writer, runnable);
    }
  }
  /// What is parked on the socket now.
  static std::uint8_t parked(const Socket& socket) noexcept {
    return static_cast<std::uint8_t>((socket.reader != nullptr ? interest::receive : 0) |
                                     (socket.writer != nullptr ? interest::send : 0));
  }

 private:
  static void move(Operation& operation, List& runnable) noexcept {
    if (operation.state != Operation::State::parked) return;
    operation.state = Operation::State::runnable;
    runnable.push_back(operation);
  }
};

}  // namespace weir::detail
