#include "server/service.h"

#include <fmt/format.h>

#include "os/process.h"
#include "os/successor.h"

namespace weir::detail {

void Service::begin() {
  notifier_ = os::Notifier::from_environment();
  watchdog_ = notifier_ ? os::watchdog_interval() : 0;
  is_ready_ = is_stopping_ = is_over_ = false;
}

// The manager first: when the predecessor hears of it, it leaves.
void Service::ready(const std::string& status) noexcept {
  if (is_ready_.exchange(true)) return;
  say(fmt::format("READY=1\nMAINPID={}\nSTATUS={}", os::process_id(), status));
  if (!ready_) return;
  os::say_ready(ready_.get());
  ready_.reset();
}

void Service::reloading(std::int64_t now) noexcept {
  say(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=restarting", now / 1000));
}

void Service::went_on(const std::string& status) noexcept {
  say(fmt::format("READY=1\nSTATUS={}", status));
}

// The successor has said so itself. A manager that listens to the main process alone
// (NotifyAccess=main) hears it from us.
void Service::handed_over(int successor) noexcept {
  say(fmt::format("READY=1\nMAINPID={}", successor));
  is_over_ = true;
}

void Service::stopping() noexcept {
  if (!is_stopping_.exchange(true)) say("STOPPING=1\nSTATUS=draining");
}

void Service::alive(const std::string& status) noexcept {
  say(fmt::format("WATCHDOG=1\nSTATUS={}", status));
}

void Service::say(const std::string& lines) noexcept {
  if (!is_over_) notifier_.send(lines);
}

}  // namespace weir::detail
