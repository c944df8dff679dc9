// poller.h - the small part that differs between readiness models: who is ready?
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutants.h"
#include "engine/socket.h"

namespace weir::detail {

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
  /// What a report calls the socket: the generation above, the descriptor below.
  static std::uint64_t name(int fd, std::uint32_t generation) noexcept {
    return static_cast<std::uint32_t>(fd) | std::uint64_t{generation} << address_bits;
  }
  /// Requires: the descriptor of that name was inserted once.
  Socket* find(std::uint64_t name) const noexcept {
    const std::uint64_t entry = entries_[static_cast<std::uint32_t>(name)];
    if ((entry ^ name) >> address_bits != 0 && !base::planted(base::Mutant::stale_event))
      return nullptr;
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
  virtual ~Poller() = default;

  /// Whether the socket can be watched at all: select has a limit. Others: always.
  virtual bool accepts(int /*fd*/) const noexcept { return true; }
  /// Whether the kernel has said that what wait() lists is ready; if not, it is worth asking.
  virtual bool is_told() const noexcept { return true; }

  /// An operation parks on the socket and `socket.watched` lacks its direction.
  /// Returns 0 or -errno (out of memory, out of watches).
  virtual int watch(Socket& socket, std::uint8_t what) noexcept = 0;

  /// The socket is about to be closed.
  virtual void forget(Socket& socket) noexcept = 0;

  /// Waits up to `nanoseconds` (negative: for ever) and tells each socket that is ready: what is
  /// parked there becomes runnable and is listed for ready(). Nothing resumes while the kernel's
  /// report is walked. First makes the kernel's interest equal to what is parked, for pollers
  /// that keep telling. `vain_attempts`: how many operations in a row were listed and could then
  /// not be performed.
  virtual void wait(std::int64_t nanoseconds, unsigned vain_attempts) = 0;

  /// What the last wait() made runnable, in the order of the report; nullptr: withdrawn since.
  /// By number, because watch() may move the list.
  std::size_t ready_count() const noexcept { return ready_count_; }
  Operation* ready(std::size_t number) const noexcept { return ready_[number]; }
  /// Takes an operation off that list. Requires: it is on it, not performed yet.
  void withdraw(const Operation& operation) noexcept {
    ready_[static_cast<std::size_t>(operation.result)] = nullptr;
  }

 protected:
  /// Room for a report on so many sockets. Throws std::bad_alloc.
  void make_room(std::size_t sockets) {
    if (2 * sockets <= ready_room_) return;
    const std::size_t room = std::max(2 * sockets, 2 * ready_room_);
    auto grown = std::make_unique_for_overwrite<Operation*[]>(room);
    std::copy_n(ready_.get(), ready_count_, grown.get());
    ready_ = std::move(grown);
    ready_room_ = room;
  }
  void begin_report() noexcept { ready_count_ = 0; }
  /// Notes what the kernel said of a socket, in interest bits.
  void tell(Socket& socket, std::uint8_t what) noexcept {
    if ((what & interest::mislead) != 0) [[unlikely]]
      socket.short_reads_mislead = true;
    if ((what & interest::receive) != 0) tell_readable(socket);
    if ((what & interest::send) != 0) tell_writable(socket);
  }
  void tell_readable(Socket& socket) noexcept {
    if (socket.reader != nullptr || !base::planted(base::Mutant::lost_edge))
      socket.may_receive = true;
    if (socket.reader != nullptr) list(*socket.reader);
  }
  void tell_writable(Socket& socket) noexcept {
    socket.may_send = true;
    if (socket.writer != nullptr) list(*socket.writer);
  }
  /// What is parked on the socket now.
  static std::uint8_t parked(const Socket& socket) noexcept {
    return static_cast<std::uint8_t>((socket.reader != nullptr ? interest::receive : 0) |
                                     (socket.writer != nullptr ? interest::send : 0));
  }

 private:
  // A list by number, not linked: one store an operation. Its result is its number meanwhile.
  void list(Operation& operation) noexcept {
    if (operation.state != Operation::State::parked) return;
    operation.state = Operation::State::runnable;
    operation.result = static_cast<std::int32_t>(ready_count_);
    ready_[ready_count_++] = &operation;
  }

  std::unique_ptr<Operation*[]> ready_;
  std::size_t ready_count_ = 0;
  std::size_t ready_room_ = 0;
};

}  // namespace weir::detail
