#include "os/notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <weir/error.h>

#include "base/counters.h"
#include "os/fd.h"
#include "os/tap.h"

namespace weir::os {
namespace {

std::string_view variable(const char* name) noexcept {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool read_number(std::string_view text, std::int64_t& number) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Notifier Notifier::from_environment() {
  const std::string_view text = variable("NOTIFY_SOCKET");
  Notifier result;
  if (text.empty()) return result;
  // A path must leave room for its final zero, an abstract name has none (unix(7)).
  const std::size_t most = sizeof(sockaddr_un::sun_path) - (text.front() == '@' ? 0 : 1);
  if ((text.front() != '/' && text.front() != '@') || text.size() < 2 || text.size() > most) {
    throw StartError(
        fmt::format("NOTIFY_SOCKET: '{}' is no absolute path and no abstract address ('@name') "
                    "of at most {} bytes",
                    text, most));
  }
  result.address_ = text;
  return result;
}

int Notifier::send(std::string_view lines) const noexcept {
  if (address_.empty()) return 0;
  base::counters.calls_other += 3;
  const Fd fd(system_call(CallKind::socket, ::socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return -errno;
  const timeval bound{2, 0};
  system_call(CallKind::setsockopt, ::setsockopt, fd.get(), SOL_SOCKET, SO_SNDTIMEO, &bound,
              socklen_t{sizeof bound});
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  std::size_t length = offsetof(sockaddr_un, sun_path) + address_.size();
  if (address_.front() == '@') {
    address.sun_path[0] = '\0';
  } else {
    ++length;
  }
  ssize_t sent = 0;
  do {
    sent = system_call(CallKind::sendto, ::sendto, fd.get(), lines.data(), lines.size(),
                       MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                       static_cast<socklen_t>(length));
  } while (sent < 0 && errno == EINTR);
  return sent >= 0 ? 0 : -errno;
}

std::int64_t watchdog_interval() noexcept {
  constexpr std::int64_t day_us = 86'400'000'000;
  std::int64_t interval_us = 0;
  std::int64_t process = 0;
  if (!read_number(variable("WATCHDOG_USEC"), interval_us) || interval_us <= 0) return 0;
  const std::string_view whose = variable("WATCHDOG_PID");
  if (!whose.empty() && (!read_number(whose, process) || process != ::getpid())) return 0;
  return (interval_us < day_us ? interval_us : day_us) * 1000;
}

}  // namespace weir::os
