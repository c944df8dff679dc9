// service.h - a server as its service manager sees it: sd_notify(3)'s states and its watchdog.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "os/fd.h"
#include "os/notify.h"

namespace weir::detail {

/// Tells a service manager, and a predecessor that waits for us, how it goes. Without either it
/// says nothing. Once another process has taken over it is silent for ever: a manager would take
/// what a draining process says for what the service says. From any thread.
class Service {
 public:
  /// Nobody wants to know.
  Service() = default;
  /// By the environment. Throws StartError.
  void begin();
  /// A predecessor hears on this descriptor that we are ready.
  void answer_on(os::Fd ready) noexcept { ready_ = std::move(ready); }

  /// The workers run. The first call counts.
  void ready(std::string_view status) noexcept;
  /// Whether that was said, to whomever there is. From any thread.
  bool is_ready() const noexcept { return is_ready_; }
  void reloading(std::int64_t now) noexcept;
  /// The restart has failed: everything is as it was.
  void went_on(std::string_view status) noexcept;
  /// Process `successor` is the service from now on.
  void handed_over(int successor) noexcept;
  /// The first call counts.
  void stopping() noexcept;
  /// Every worker has answered.
  void alive(std::string_view status) noexcept;

  /// How often alive() has to be said at least, in ns; 0: nobody watches.
  std::int64_t watchdog() const noexcept { return is_over_ ? 0 : watchdog_; }
  /// In a child process: what it has is the parent's.
  void drop() noexcept { ready_.reset(); }

 private:
  void say(std::string_view what) noexcept;

  os::Notifier notifier_;
  os::Fd ready_;
  std::int64_t watchdog_ = 0;
  std::atomic<bool> is_ready_{false};
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_over_{false};
};

}  // namespace weir::detail
