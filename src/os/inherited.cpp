#include "os/inherited.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <weir/error.h>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {
namespace {

constexpr int first_inherited = 3;
constexpr unsigned most_inherited = 65536;

// Nothing where the variable is not set.
std::optional<long> number_in(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  const std::string_view text(value);
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    throw StartError(fmt::format("{}: '{}' is not a number from 0 on", name, text));
  }
  return number;
}

bool is_meant_for_us() { return number_in("LISTEN_PID") == static_cast<long>(::getpid()); }

int socket_option(int fd, int option) noexcept {
  ++base::counters.calls_other;
  int value = 0;
  socklen_t length = sizeof value;
  const int result =
      system_call(CallKind::getsockopt, ::getsockopt, fd, SOL_SOCKET, option, &value, &length);
  return result == 0 ? value : -errno;
}

void set_socket_option(int fd, int level, int option) noexcept {
  ++base::counters.calls_other;
  const int on = 1;
  system_call(CallKind::setsockopt, ::setsockopt, fd, level, option, &on, socklen_t{sizeof on});
}

std::string take_name(std::string_view& names) {
  const auto colon = names.find(':');
  const std::string_view name = names.substr(0, colon);
  names = colon == std::string_view::npos ? "" : names.substr(colon + 1);
  return name.empty() ? "unknown" : std::string(name);
}

Fd take_ready() {
  const auto number = number_in(ready_variable);
  if (!number || *number < first_inherited || *number > most_inherited + first_inherited) {
    return Fd();
  }
  const int fd = static_cast<int>(*number);
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return Fd();
  close_on_exec(fd);
  return Fd(fd);
}

}  // namespace

unsigned count_inherited() {
  if (!is_meant_for_us()) return 0;
  const long count = number_in("LISTEN_FDS").value_or(0);
  if (count > most_inherited) {
    throw StartError(fmt::format("LISTEN_FDS: {} descriptors are too many", count));
  }
  return static_cast<unsigned>(count);
}

InheritedSockets take_inherited() {
  InheritedSockets result;
  const unsigned count = count_inherited();
  if (is_meant_for_us()) result.ready = take_ready();
  const char* given = std::getenv("LISTEN_FDNAMES");
  std::string_view names = given != nullptr ? given : "";
  for (unsigned i = 0; i < count; ++i) {
    const int fd = first_inherited + static_cast<int>(i);
    close_on_exec(fd);
    result.sockets.push_back({Fd(fd), take_name(names)});
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", ready_variable}) {
    ::unsetenv(name);
  }
  return result;
}

const char* why_no_listener(int fd) noexcept {
  const int type = socket_option(fd, SO_TYPE);
  if (type == -EBADF) return "it is not open";
  if (type < 0) return "it is not a socket";
  if (type != SOCK_STREAM) return "it is not a stream socket";
  if (socket_option(fd, SO_ACCEPTCONN) <= 0) return "it does not listen";
  const int family = socket_option(fd, SO_DOMAIN);
  const bool known = family == AF_INET || family == AF_INET6 || family == AF_UNIX;
  return known ? nullptr : "it is neither a TCP nor a unix socket";
}

bool prepare_inherited(int fd, const ListenOptions& options) noexcept {
  close_on_exec(fd);
  if (socket_option(fd, SO_DOMAIN) != AF_UNIX) {
    set_socket_option(fd, IPPROTO_TCP, TCP_NODELAY);
    set_socket_option(fd, SOL_SOCKET, SO_OOBINLINE);
  }
  if (options.mode == Mode::nonblocking) set_nonblocking(fd, true);
  if (options.blocking_bound == 0 || has_blocking_bound(fd)) return true;
  set_blocking_bound(fd, options.blocking_bound);
  return false;
}

void close_on_exec(int fd) noexcept {
  ++base::counters.calls_other;
  system_call(CallKind::fcntl, ::fcntl, fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace weir::os
