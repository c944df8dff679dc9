// ring.h - an io_uring(7) instance with a ring of provided buffers. The home of liburing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kernel/ring.h"
#include "os/socket.h"

namespace weir::os {

/// Owned by the thread that made it: SINGLE_ISSUER and DEFER_TASKRUN.
class Ring final : public kernel::Ring {
 public:
  /// Throws std::system_error; explain() makes a sentence of its code.
  explicit Ring(const Options& options);
  ~Ring() override;

  void accept_multishot(int listener, std::uint64_t data) noexcept override;
  void accept_once(int listener, std::uint64_t data) noexcept override;
  void receive_multishot(int fd, std::uint64_t data) noexcept override;
  void send(int fd, const void* bytes, std::size_t size, std::uint64_t data) noexcept override;
  void send(int fd, const Slice* slices, std::size_t count, std::uint64_t data) noexcept override;
  void send_at_once(int fd, const void* bytes, std::size_t size,
                    std::uint64_t data) noexcept override;
  void poll_once(int fd, bool writable, std::uint64_t data) noexcept override;
  void close(int fd, std::uint64_t data) noexcept override;
  void cancel(std::uint64_t target) noexcept override;
  void submit_and_wait(unsigned wanted, std::int64_t nanoseconds) noexcept override;
  std::size_t reap(std::span<Completion> completions) noexcept override;
  bool overflowed() noexcept override;
  bool handed_over() noexcept override;
  bool has_work() noexcept override;
  void stop() noexcept override;
  std::byte* buffer(std::uint16_t id) noexcept override;
  void give_back(std::uint16_t id) noexcept override;

  /// Whether a Ring can be made here: 0 or -errno of what failed.
  static int probe() noexcept;
  /// What such an error means and what to do about it, one line.
  static std::string explain(int error_number);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::os
