#include "server/service.h"

#include <fmt/format.h>

#include <iterator>
#include <new>

#include "os/process.h"
#include "os/successor.h"

namespace weir::detail {

namespace {

// Lines of an ordinary length need no memory beside the buffer's own: a worker says that it is
// ready also where memory is out.
using Lines = fmt::memory_buffer;

template <class... Arguments>
std::string_view lines(Lines& room, fmt::format_string<Arguments...> form,
                       Arguments&&... arguments) noexcept {
  try {
    fmt::format_to(std::back_inserter(room), form, std::forward<Arguments>(arguments)...);
  } catch (const std::bad_alloc&) {}  // What fits is said.
  return {room.data(), room.size()};
}

}  // namespace

void Service::begin() {
  notifier_ = os::Notifier::from_environment();
  watchdog_ = notifier_ ? os::watchdog_interval() : 0;
  is_ready_ = is_stopping_ = is_over_ = false;
}

// The manager first: when the predecessor hears of it, it leaves.
void Service::ready(std::string_view status) noexcept {
  if (is_ready_.exchange(true)) return;
  Lines room;
  say(lines(room, "READY=1\nMAINPID={}\nSTATUS={}", os::process_id(), status));
  if (!ready_) return;
  os::say_ready(ready_.get());
  ready_.reset();
}

void Service::reloading(std::int64_t now) noexcept {
  Lines room;
  say(lines(room, "RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=restarting", now / 1000));
}

void Service::went_on(std::string_view status) noexcept {
  Lines room;
  say(lines(room, "READY=1\nSTATUS={}", status));
}

// The successor has said so itself. A manager that listens to the main process alone
// (NotifyAccess=main) hears it from us.
void Service::handed_over(int successor) noexcept {
  Lines room;
  say(lines(room, "READY=1\nMAINPID={}", successor));
  is_over_ = true;
}

void Service::stopping() noexcept {
  if (!is_stopping_.exchange(true)) say("STOPPING=1\nSTATUS=draining");
}

void Service::alive(std::string_view status) noexcept {
  Lines room;
  say(lines(room, "WATCHDOG=1\nSTATUS={}", status));
}

void Service::say(std::string_view what) noexcept {
  if (!is_over_) notifier_.send(what);
}

}  // namespace weir::detail
