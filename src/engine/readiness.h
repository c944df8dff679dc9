// readiness.h - an engine for every model that is told who is ready.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "engine/poller.h"
#include "engine/spin.h"

namespace weir::detail {

/// Try the call; if the kernel has nothing, park the operation and watch its socket; when the
/// poller reports it, retry and resume.
class ReadinessEngine final : public Engine {
 public:
  ReadinessEngine(const EngineOptions& options, kernel::Calls& calls, kernel::Waker& waker,
                  std::unique_ptr<Poller> poller);
  ~ReadinessEngine() override;

  bool start(Operation& operation) override;
  void cancel(Operation& operation) noexcept override;
  void turn(bool may_sleep) override;
  void turns() override;
  void adopt(Socket& socket) override;
  int place(int fd) noexcept override;
  void close(Socket& socket) noexcept override;

 private:
  /// Performs the operation's system call. False: the kernel is not ready.
  bool attempt(Operation& operation) noexcept;
  bool accept(Operation& operation) noexcept;
  bool receive(Operation& operation) noexcept;
  bool received_nothing(Operation& operation, Buffer& buffer, std::int64_t result) noexcept;
  bool send(Operation& operation) noexcept;
  bool connect(Operation& operation) noexcept;

  bool worth_trying(const Operation& operation) const noexcept;
  void park(Operation& operation) noexcept;
  void wait(std::int64_t bound);
  void wait_otherwise(std::int64_t bound);
  void perform_queued() noexcept;
  void perform_ready() noexcept;
  void perform(Operation& operation) noexcept;
  void retry(Operation& operation) noexcept override;
  void attempted_in_vain(Operation& operation) noexcept;
  bool set_timer(std::int64_t bound) noexcept override;
  void woken() noexcept;
  void struck() noexcept;
  /// It has ended: resumes who waits for it.
  void conclude(Operation& operation) noexcept;
  void conclude_untried(Operation& operation) noexcept;
  void withdraw(Operation& operation) noexcept;

  // Watched for ever, so something is parked there for ever.
  struct StandingSocket final : Socket, Operation {
    StandingSocket() noexcept : Operation(Kind::event) {
      reader = this;
      state = State::parked;
    }
    void closed() noexcept override {}
    void completed() noexcept override {}
  };

  std::unique_ptr<Poller> poller_;
  StandingSocket wake_socket_, timer_socket_;
  unsigned vain_attempts_ = 0;  // In a row.
  Spin spin_;
  bool wake_is_watched_ = false;
  bool sleeps_plainly_ = false;  // Woken by a descriptor, and without a spin.
  bool turning_ = false;
};

}  // namespace weir::detail
