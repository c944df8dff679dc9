// ring.h - what an io_uring(7) instance with a ring of provided buffers does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/slice.h"

namespace weir::kernel {

class Ring {
 public:
  struct Options {
    unsigned entries = 1024;  ///< submissions that fit before they must be handed over
    unsigned completions = 8192;
    unsigned buffers = 256;  ///< a power of two
    std::uint32_t buffer_size = 16384;
    bool shows_work = false;  ///< to has_work(); costs the kernel a little
  };

  /// One completion: of which request, its result, and whether the request goes on.
  struct Completion {
    std::uint64_t data;
    std::int32_t result;
    bool more;  ///< a multishot request stays armed
    bool has_buffer;
    std::uint16_t buffer;
    bool unread = false;  ///< of a receive: there is more, and the kernel goes on with it
  };

  virtual ~Ring() = default;

  // Requests. `data` comes back with each completion; 0 means that nobody wants to know. What
  // they point at must stay until the completion comes.
  virtual void accept_multishot(int listener, std::uint64_t data) noexcept = 0;
  /// Takes one client. On Linux the request that has waited longest gets the next one.
  virtual void accept_once(int listener, std::uint64_t data) noexcept = 0;
  virtual void receive_multishot(int fd, std::uint64_t data) noexcept = 0;
  /// Completes as soon as the kernel has taken a part, with how many bytes that is.
  virtual void send(int fd, const void* bytes, std::size_t size, std::uint64_t data) noexcept = 0;
  /// The slices are copied; what they point at is not.
  virtual void send(int fd, const Slice* slices, std::size_t count,
                    std::uint64_t data) noexcept = 0;
  /// Sends what the kernel takes at once, and completes only when that is not all: with how many
  /// bytes that is, or -errno. It is over when handed_over() says so.
  virtual void send_at_once(int fd, const void* bytes, std::size_t size,
                            std::uint64_t data) noexcept = 0;
  virtual void poll_once(int fd, bool writable, std::uint64_t data) noexcept = 0;
  virtual void close(int fd, std::uint64_t data) noexcept = 0;
  virtual void cancel(std::uint64_t target) noexcept = 0;

  /// One io_uring_enter(2): hands over what was requested and waits for `wanted` completions up
  /// to `nanoseconds` (negative: for ever; 0: does not wait).
  virtual void submit_and_wait(unsigned wanted, std::int64_t nanoseconds) noexcept = 0;
  /// Takes completions that are there. Returns how many.
  virtual std::size_t reap(std::span<Completion> completions) noexcept = 0;
  virtual bool overflowed() noexcept = 0;
  /// Whether the kernel has every request.
  virtual bool handed_over() noexcept = 0;
  /// Whether an enter would find something, known without making one. Only Options::shows_work.
  virtual bool has_work() noexcept = 0;

  /// Gives the kernel's part up; only the buffers' memory stays, for those who still read it.
  virtual void stop() noexcept = 0;

  // The provided buffers. Giving back after stop() has no effect.
  virtual std::byte* buffer(std::uint16_t id) noexcept = 0;
  virtual void give_back(std::uint16_t id) noexcept = 0;
};

}  // namespace weir::kernel
