// ring.h - an io_uring(7) instance with a ring of provided buffers. The home of liburing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "os/socket.h"

namespace weir::os {

/// Owned by the thread that made it: SINGLE_ISSUER and DEFER_TASKRUN.
class Ring {
 public:
  struct Options {
    unsigned entries = 1024;  ///< submissions that fit before they must be handed over
    unsigned completions = 8192;
    unsigned buffers = 256;  ///< a power of two
    std::uint32_t buffer_size = 16384;
  };

  /// One completion: of which request, its result, and whether the request goes on.
  struct Completion {
    std::uint64_t data;
    std::int32_t result;
    bool more;  ///< a multishot request stays armed
    bool has_buffer;
    std::uint16_t buffer;
  };

  /// Throws std::system_error; explain() makes a sentence of its code.
  explicit Ring(const Options& options);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Requests. `data` comes back with each completion; 0 means that nobody wants to know. What
  // they point at must stay until the completion comes.
  void accept_multishot(int listener, std::uint64_t data) noexcept;
  void receive_multishot(int fd, std::uint64_t data) noexcept;
  void send(int fd, const void* bytes, std::size_t size, std::uint64_t data) noexcept;
  /// The slices are copied; what they point at is not.
  void send(int fd, const Slice* slices, std::size_t count, std::uint64_t data) noexcept;
  void poll_once(int fd, bool writable, std::uint64_t data) noexcept;
  void close(int fd, std::uint64_t data) noexcept;
  void cancel(std::uint64_t target) noexcept;

  /// One io_uring_enter(2): hands over what was requested and waits for `wanted` completions up
  /// to `nanoseconds` (negative: for ever; 0: does not wait).
  void submit_and_wait(unsigned wanted, std::int64_t nanoseconds) noexcept;
  /// Takes completions that are there. Returns how many.
  std::size_t reap(std::span<Completion> completions) noexcept;
  bool overflowed() noexcept;

  /// Gives the kernel's part up; only the buffers' memory stays, for those who still read it.
  void stop() noexcept;

  // The provided buffers. Giving back after stop() has no effect.
  std::byte* buffer(std::uint16_t id) noexcept;
  void give_back(std::uint16_t id) noexcept;

  /// Whether a Ring can be made here: 0 or -errno of what failed.
  static int probe() noexcept;
  /// What such an error means and what to do about it, one line.
  static std::string explain(int error_number);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::os
