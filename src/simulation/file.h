// file.h - what a descriptor of the simulated kernel stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <weir/endpoint.h>
#include <weir/operation.h>

#include "base/list.h"
#include "simulation/delivery.h"
#include "simulation/trace.h"

namespace weir::simulated {

/// Somebody who is told when the state of a file changes: an epoll registration, a request in a
/// ring.
class Observer : public detail::Link {
 public:
  virtual void changed(std::uint32_t what) = 0;
  /// The file is about to go; the observer is unlinked already.
  virtual void gone() = 0;

 protected:
  ~Observer() = default;
};

/// An open file, as close(2) and dup(2) see it: it goes with its last descriptor.
class File {
 public:
  enum class Kind : std::uint8_t { event, stream, listener };

  explicit File(Kind what) noexcept : kind(what) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// The conditions that hold now, in the bits of kernel/epoll.h.
  virtual std::uint32_t state() const noexcept = 0;
  void notify(std::uint32_t what) {
    observers.for_each([=](Observer& observer) { observer.changed(what); });
  }

  const Kind kind;
  base::List<Observer> observers;
  unsigned references = 0;
  unsigned ghosts = 0;  // Of these: held by a process that has died, and by nobody really.
  bool is_closed = false;
  std::int64_t blocking_bound = 0;  // How long a call on it blocks, in ns; 0: for ever.
};

/// A descriptor that wakes a worker: eventfd(2).
class EventFile final : public File {
 public:
  EventFile() noexcept : File(Kind::event) {}
  std::uint32_t state() const noexcept override;
  bool signalled = false;
};

/// One direction of a connection: bytes that were sent, of which some have arrived and of those
/// some were read.
struct Pipe {
  std::string bytes;       // From `base` on.
  std::uint64_t base = 0;  // What was read and thrown away.
  std::uint64_t read = 0;  // All of these count from the stream's beginning.
  std::uint64_t arrived = 0;
  std::uint64_t sent = 0;
  std::int64_t last_arrival = 0;  // TCP keeps the order.
  std::size_t capacity = 0;       // The sender's buffer and the receiver's together.
  bool full = false;              // The sender was told so and waits for room.
  bool room_announced = false;    // The event that tells it is on its way.
  Delivery delivery;              // The same bytes, as the programs at both ends see them.

  std::size_t unread() const noexcept { return static_cast<std::size_t>(arrived - read); }
  std::size_t undelivered() const noexcept { return static_cast<std::size_t>(sent - arrived); }
  std::size_t room() const noexcept {
    const auto used = static_cast<std::size_t>(sent - read);
    return used < capacity ? capacity - used : 0;
  }
};

/// One end of a connection.
class Stream final : public File {
 public:
  enum class State : std::uint8_t { fresh, connecting, open, failed };

  Stream() noexcept : File(Kind::stream) {}
  std::uint32_t state() const noexcept override;
  std::string title() const { return end_name(name); }

  std::uint64_t name = 0;  // For the trace: even at the client's end.
  unsigned owner = 0;      // The node that has it open.
  Stream* peer = nullptr;
  Pipe* in = nullptr;
  Pipe* out = nullptr;
  State phase = State::fresh;
  std::int64_t latency = 0;
  std::uint64_t ends_taken = 0;  // How often a program received the end of the stream.
  int error = 0;                 // Told to the next call.
  bool is_tcp = true;
  bool fin_sent = false;
  bool fin_arrived = false;
  bool broken = false;    // A reset arrived, or the kernel gave the peer up.
  bool orphan = false;    // Closed; nobody will read what still comes.
  bool vanished = false;  // Its machine is gone.
  bool reset_on_close = false;
  Endpoint local;
  Endpoint remote;
};

class Listener final : public File {
 public:
  Listener() noexcept : File(Kind::listener) {}
  std::uint32_t state() const noexcept override;

  Endpoint endpoint;
  std::size_t backlog = 0;
  std::deque<Stream*> waiting;
  bool closed = false;
};

}  // namespace weir::simulated
