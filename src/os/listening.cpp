#include "os/listening.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {
namespace {

void set_option(int fd, int level, int option, int value) noexcept {
  ++base::counters.calls_other;
  system_call(CallKind::setsockopt, ::setsockopt, fd, level, option, &value,
              socklen_t{sizeof value});
}

bool is_unix(const Endpoint& endpoint) noexcept {
  return endpoint.family == Endpoint::Family::unix_socket;
}

bool look_at(const std::string& path, struct stat& status) noexcept {
  ++base::counters.calls_other;
  return system_call(CallKind::lstat, ::lstat, path.c_str(), &status) == 0;
}

// An accepted socket has its listener's address, or one that the listener's stands for.
bool stands_for(const Endpoint& listener, const Endpoint& local) noexcept {
  if (local.family == Endpoint::Family::none) return false;  // No socket.
  if (local.family != listener.family || local.port != listener.port) return false;
  if (is_unix(listener)) return local.path == listener.path;
  return listener.address == Endpoint().address || local.address == listener.address;
}

// bind(2) makes the file with the socket's permissions less the umask, so it is never wider than
// asked for; what the umask took is given back, to the file itself if the name is a link by now.
bool has_its_mode(const std::string& path, unsigned mode) noexcept {
  struct stat status;
  if (look_at(path, status) && S_ISSOCK(status.st_mode) && (status.st_mode & 0777) == mode) {
    return true;
  }
  ++base::counters.calls_other;
  return system_call(CallKind::chmod, ::fchmodat, AT_FDCWD, path.c_str(), mode,
                     AT_SYMLINK_NOFOLLOW) == 0;
}

// What bind(2) has made is in the way of the next attempt.
int forget_file(const Endpoint& endpoint, int error) noexcept {
  if (is_unix(endpoint)) system_call(CallKind::unlink, ::unlink, endpoint.path.c_str());
  return -error;
}

// Where /proc is not to be had: a process that has given up root may not look into its own
// (proc(5), "dumpable"). The lowest free number is given out first, so a long gap is the end.
template <class Look>
void try_each_descriptor(Look look) {
  constexpr int longest_gap = 1024;
  for (int fd = STDERR_FILENO + 1, gap = 0; gap < longest_gap; ++fd) {
    ++base::counters.calls_other;
    const bool open = system_call(CallKind::fcntl, ::fcntl, fd, F_GETFD) >= 0;
    gap = open ? 0 : gap + 1;
    if (open) look(fd);
  }
}

}  // namespace

int listen_on(const Endpoint& endpoint, const ListenOptions& options, const char*& step) {
  step = "socket";
  Fd fd(socket_for(endpoint, options.mode));
  if (!fd) return fd.get();
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (endpoint.family == Endpoint::Family::ipv6) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1);
  }
  if (options.reuse_port && !is_unix(endpoint)) {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  }
  const SocketAddress address = SocketAddress::of(endpoint);
  const bool has_mode = is_unix(endpoint) && options.unix_mode != 0;
  step = "chmod";
  if (has_mode && system_call(CallKind::chmod, ::fchmod, fd.get(), options.unix_mode) != 0) {
    return -errno;
  }
  step = "bind";
  base::counters.calls_other += 2;
  const auto* name = reinterpret_cast<const sockaddr*>(address.bytes);
  if (system_call(CallKind::bind, ::bind, fd.get(), name, address.length) != 0) { return -errno; }
  step = "chmod";
  if (has_mode && !has_its_mode(endpoint.path, options.unix_mode)) {
    return forget_file(endpoint, errno);
  }
  if (options.blocking_bound > 0) set_blocking_bound(fd.get(), options.blocking_bound);
  step = "listen";
  if (system_call(CallKind::listen, ::listen, fd.get(), options.backlog) != 0) {
    return forget_file(endpoint, errno);
  }
  return fd.release();
}

void close_all_at(std::span<const Endpoint> addresses, int except) {
  const auto look = [&](int fd) {
    if (fd == except) return;
    const Endpoint local = local_endpoint(fd);
    const bool is_there = std::ranges::any_of(
        addresses, [&](const Endpoint& address) { return stands_for(address, local); });
    if (is_there) close_fd(fd);
  };
  ++base::counters.calls_other;
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return try_each_descriptor(look);
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view number(entry->d_name);
    int fd = -1;
    std::from_chars(number.data(), number.data() + number.size(), fd);
    if (fd > STDERR_FILENO && fd != ::dirfd(directory)) look(fd);
  }
  ::closedir(directory);
}

bool is_socket(const std::string& path) noexcept {
  struct stat status;
  return look_at(path, status) && S_ISSOCK(status.st_mode);
}

bool remove_stale_socket(const Endpoint& endpoint) noexcept {
  if (!is_socket(endpoint.path)) return false;
  Fd probe(socket_for(endpoint, Mode::nonblocking));
  if (!probe) return false;
  if (connect(probe.get(), endpoint) != -ECONNREFUSED) return false;
  return system_call(CallKind::unlink, ::unlink, endpoint.path.c_str()) == 0;
}

SocketFile SocketFile::of(const Endpoint& endpoint) {
  struct stat status;
  if (!is_unix(endpoint) || !look_at(endpoint.path, status)) return {};
  return {endpoint.path, status.st_dev, status.st_ino};
}

void SocketFile::remove() noexcept {
  struct stat status;
  if (path.empty() || !look_at(path, status)) return;
  if (status.st_dev == device && status.st_ino == inode) {
    system_call(CallKind::unlink, ::unlink, path.c_str());
  }
  path.clear();
}

}  // namespace weir::os
