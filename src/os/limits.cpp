#include "os/limits.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <system_error>

#include <weir/endpoint.h>

#include "os/epoll.h"
#include "os/fd.h"
#include "os/process.h"
#include "os/socket.h"
#include "os/tap.h"

namespace weir::os {
namespace {

template <class Which>
Limit limit_of(Which which) noexcept {
  rlimit limit{};
  system_call(CallKind::getrlimit, ::getrlimit, which, &limit);
  const auto number = [](rlim_t value) {
    return value == RLIM_INFINITY ? std::numeric_limits<std::uint64_t>::max()
                                  : std::uint64_t{value};
  };
  return {number(limit.rlim_cur), number(limit.rlim_max)};
}

int try_reuse_port() noexcept {
  const Fd probe(socket_for(Endpoint::parse("127.0.0.1:0"), Mode::nonblocking));
  if (!probe) return probe.get();
  const int on = 1;
  const int result = system_call(CallKind::setsockopt, ::setsockopt, probe.get(), SOL_SOCKET,
                                 SO_REUSEPORT, &on, socklen_t{sizeof on});
  return result == 0 ? 0 : -errno;
}

int try_epoll() noexcept {
  try {
    Epoll epoll;
    const Fd probe(socket_for(Endpoint::parse("127.0.0.1:0"), Mode::nonblocking));
    return epoll.add(probe.get(), kernel::event::readable | kernel::event::exclusive, 0);
  } catch (const std::system_error& error) { return -error.code().value(); }
}

int try_eventfd() noexcept {
  const Fd fd(system_call(CallKind::eventfd, ::eventfd, 0u, EFD_CLOEXEC | EFD_NONBLOCK));
  return fd ? 0 : -errno;
}

int try_pidfd() noexcept {
  const Fd fd = open_process(::getpid());
  return fd ? 0 : -errno;
}

}  // namespace

Limit descriptor_limits() noexcept { return limit_of(RLIMIT_NOFILE); }
Limit process_limits() noexcept { return limit_of(RLIMIT_NPROC); }

std::optional<std::uint64_t> kernel_setting(std::string_view name, unsigned index) {
  std::string path(name);
  std::replace(path.begin(), path.end(), '.', '/');
  std::ifstream file("/proc/sys/" + path);
  std::uint64_t value = 0;
  for (unsigned i = 0; i <= index; ++i) file >> value;
  if (!file) return std::nullopt;
  return value;
}

std::string kernel_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "unknown";
}

bool is_filtered() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Seccomp:")) return line.ends_with('2');
  }
  return false;
}

std::vector<TriedCall> try_calls() {
  return {{"epoll", "epoll-lt, epoll-et", try_epoll()},
          {"eventfd", "waking a worker that sleeps", try_eventfd()},
          {"SO_REUSEPORT", "a listening socket for each worker", try_reuse_port()},
          {"pidfd_open", "seeing at once that a worker process has died", try_pidfd()}};
}

}  // namespace weir::os
