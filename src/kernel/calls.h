// calls.h - the system calls that engines make, as an interface: Linux has them, and so has the
// simulation.
//
// Results are values or -errno. EINTR is retried inside, but for the blocking calls, whose caller
// must look whether it was asked to stop.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <weir/endpoint.h>

#include "kernel/clock.h"
#include "kernel/epoll.h"
#include "kernel/poll.h"
#include "kernel/ring.h"
#include "kernel/slice.h"
#include "kernel/timer.h"

namespace weir::kernel {

/// How a call treats a socket that is not ready.
enum class Mode : std::uint8_t { nonblocking, blocking };

class Calls {
 public:
  virtual Clock& clock() noexcept = 0;

  // The two of every request, on a socket that is nonblocking or as if it were (MSG_DONTWAIT).
  // -EINTR comes back, though Linux has no reason to give it. One hop more than a plain call:
  // docs/DECISIONS.md has its price.
  virtual std::int64_t receive(int fd, void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t send(int fd, const void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t send(int fd, const Slice* slices, std::size_t count) noexcept = 0;

  /// The blocking calls of the textbook. -EINTR and -EAGAIN (a receive timeout passed) come back.
  virtual std::int64_t receive_blocking(int fd, void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t send_blocking(int fd, const void* data, std::size_t size) noexcept = 0;

  /// The accepted socket is nonblocking or not, as `mode` says; whether the call itself blocks
  /// is the listener's mode. Blocking callers may get -EINTR.
  virtual int accept(int listener, Mode mode) noexcept = 0;

  /// A socket to connect with, not connected yet.
  virtual int socket_for(const Endpoint& endpoint, Mode mode) noexcept = 0;
  /// The address that it connects from; a kernel may have no choice of them.
  virtual int bind_source(int /*fd*/, const Endpoint& /*from*/) noexcept { return -EOPNOTSUPP; }
  virtual int connect(int fd, const Endpoint& endpoint) noexcept = 0;
  /// How a connect that was in progress ended.
  virtual int connect_result(int fd) noexcept = 0;

  virtual void close(int fd) noexcept = 0;
  virtual int duplicate(int fd) noexcept = 0;  ///< The lowest free number.
  virtual void finish_sending(int fd) noexcept = 0;
  virtual void reset_on_close(int fd) noexcept = 0;
  virtual std::size_t unread(int fd) noexcept = 0;
  /// Bytes that were sent and that the peer's kernel has not acknowledged.
  virtual std::size_t undelivered(int fd) noexcept = 0;
  virtual void set_blocking_bound(int fd, std::int64_t nanoseconds) noexcept = 0;
  virtual bool has_blocking_bound(int fd) noexcept = 0;
  virtual void set_nonblocking(int fd, bool on) noexcept = 0;
  virtual bool is_nonblocking(int fd) noexcept = 0;
  virtual Endpoint local(int fd) = 0;
  virtual Endpoint peer(int fd) = 0;

  /// Waits up to `nanoseconds` (negative: for ever). Returns how many entries have `happened`
  /// set; 0 after EINTR.
  virtual std::size_t poll(PollEntry* entries, std::size_t count,
                           std::int64_t nanoseconds) noexcept = 0;
  virtual void rest(std::int64_t nanoseconds) noexcept = 0;
  /// Whether a wait that has returned is not over. Only the simulation's returns at once, with
  /// nothing, and has slept when the next one is made: until then no time has passed.
  virtual bool still_waits() const noexcept { return false; }

  /// nullptr: there is none to be had.
  virtual std::unique_ptr<Timer> make_timer() noexcept { return nullptr; }

  // Throw std::system_error when the kernel has none to give.
  virtual std::unique_ptr<Epoll> make_epoll() = 0;
  virtual std::unique_ptr<Ring> make_ring(const Ring::Options& options) = 0;

 protected:
  ~Calls() = default;
};

}  // namespace weir::kernel
