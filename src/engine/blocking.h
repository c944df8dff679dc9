// blocking.h - the engine of the textbook's first servers: blocking system calls.
#pragma once

#include <vector>

#include "engine/engine.h"
#include "kernel/calls.h"

namespace weir::detail {

/// While exactly one operation is pending it is simply the blocking call: accept, recv, send.
/// When a handler waits for several things at once (a deadline, two directions, a channel), the
/// engine waits for just those with poll(2). So every handler runs on blocking models too.
class BlockingEngine final : public Engine {
 public:
  BlockingEngine(const EngineOptions& options, kernel::Calls& calls, kernel::Waker& waker);
  ~BlockingEngine() override;

  bool start(Operation& operation) override;
  void cancel(Operation& operation) noexcept override;
  void turn(bool may_sleep) override;
  void adopt(Socket& socket) override;
  void close(Socket& socket) noexcept override;
  int make_socket(const Endpoint& endpoint) noexcept override;

  /// Blocking calls return after this long at the latest, to see whether they were asked to
  /// stop: there is no other safe way to interrupt one (a signal can come just before it).
  static constexpr std::int64_t blocking_bound = 250'000'000;

 private:
  bool attempt(Operation& operation, kernel::Mode mode) noexcept;
  bool accept(Operation& operation) noexcept;
  bool receive(Operation& operation, kernel::Mode mode) noexcept;
  bool send(Operation& operation, kernel::Mode mode) noexcept;
  bool connect(Operation& operation) noexcept;
  bool may_block() noexcept;
  void poll_parked(bool may_sleep);
  void perform_runnable() noexcept;
  void retry(Operation& operation) noexcept override;
  void park(Operation& operation) noexcept;
  bool make_room(std::size_t operations) noexcept;
  void complete(Operation& operation) noexcept;

  List parked_;
  unsigned parked_count_ = 0;
  int wake_fd_ = -1;
  bool lacks_descriptors_ = false;  // The last accept found none.
  bool bound_is_inherited_;
  bool polls_to_accept_;  // The listener does not block: it is one of several, or is shared.
  std::vector<kernel::PollEntry> entries_;
};

}  // namespace weir::detail
