// notify.h - telling a service manager how it goes: the protocol of sd_notify(3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::os {

/// Where to tell it, from the environment's NOTIFY_SOCKET; a plain value.
class Notifier {
 public:
  /// Nobody wants to know.
  Notifier() = default;
  /// Throws StartError for a NOTIFY_SOCKET that is no address of a unix socket.
  static Notifier from_environment();

  explicit operator bool() const noexcept { return !address_.empty(); }
  /// Sends lines such as "READY=1\nSTATUS=...": one datagram. 0 or -errno, EAGAIN when nobody has
  /// read for two seconds. From any thread.
  int send(std::string_view lines) const noexcept;

 private:
  std::string address_;  // '@' stands for the zero byte of an abstract one.
};

/// How often WATCHDOG=1 has to come at least, in ns, from WATCHDOG_USEC: 0 when nobody watches
/// this process, or another one (WATCHDOG_PID). See sd_watchdog_enabled(3).
std::int64_t watchdog_interval() noexcept;

}  // namespace weir::os
