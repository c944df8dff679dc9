#include "os/socket.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/counters.h"
#include "os/direct.h"
#include "os/tap.h"

namespace weir::os {
namespace {

static_assert(sizeof(Slice) == sizeof(iovec));
static_assert(offsetof(Slice, data) == offsetof(iovec, iov_base));
static_assert(offsetof(Slice, size) == offsetof(iovec, iov_len));

void set_option(int fd, int level, int option, int value) noexcept {
  ++base::counters.calls_other;
  // The options set this way may be missing for a family (TCP_NODELAY on a unix socket) and
  // nothing depends on them for correctness.
  system_call(CallKind::setsockopt, ::setsockopt, fd, level, option, &value,
              socklen_t{sizeof value});
}

int family_of(const Endpoint& endpoint) noexcept {
  switch (endpoint.family) {
    case Endpoint::Family::ipv4: return AF_INET;
    case Endpoint::Family::ipv6: return AF_INET6;
    case Endpoint::Family::unix_socket: return AF_UNIX;
    case Endpoint::Family::none: break;
  }
  return AF_UNSPEC;
}

const sockaddr* as_sockaddr(const void* address) noexcept {
  return static_cast<const sockaddr*>(address);
}

std::size_t queued(int fd, unsigned long which) noexcept {
  ++base::counters.calls_other;
  int count = 0;
  const bool known = system_call(CallKind::ioctl, ::ioctl, fd, which, &count) == 0 && count > 0;
  return known ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

void close_fd(int fd) noexcept {
  ++base::counters.calls_other;
  // Not retried on EINTR: Linux has released the number already (close(2)).
  system_call(CallKind::close, direct_close, fd);
}

int socket_for(const Endpoint& endpoint, Mode mode) noexcept {
  ++base::counters.calls_other;
  const int nonblocking = mode == Mode::nonblocking ? SOCK_NONBLOCK : 0;
  const int fd = system_call(CallKind::socket, ::socket, family_of(endpoint),
                             SOCK_STREAM | SOCK_CLOEXEC | nonblocking, 0);
  if (fd < 0) return -errno;
  if (endpoint.family != Endpoint::Family::unix_socket) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    // An urgent byte stays in the stream (RFC 6093, section 4). Out of it, a read that it cut
    // short looks drained, to a multishot receive of io_uring too, which then waits for ever.
    set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
  }
  return fd;
}

int bind_source(int fd, const Endpoint& from) noexcept {
  // With port 0 bind would take a port for itself alone; so it is taken by connect, and one port
  // serves towards many peers.
  if (from.port == 0) set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  ++base::counters.calls_other;
  const SocketAddress address = SocketAddress::of(from);
  const int result =
      system_call(CallKind::bind, ::bind, fd, as_sockaddr(address.bytes), address.length);
  return result == 0 ? 0 : -errno;
}

int connect(int fd, const Endpoint& endpoint) noexcept {
  ++base::counters.calls_other;
  const SocketAddress address = SocketAddress::of(endpoint);
  return system_call(CallKind::connect, ::connect, fd, as_sockaddr(address.bytes),
                     address.length) == 0
             ? 0
             : -errno;
}

int connect_result(int fd) noexcept {
  ++base::counters.calls_other;
  int error = 0;
  socklen_t length = sizeof error;
  if (system_call(CallKind::getsockopt, ::getsockopt, fd, SOL_SOCKET, SO_ERROR, &error,
                  &length) != 0)
    return -errno;
  return -error;
}

int accept(int listener, Mode mode) noexcept {
  ++base::counters.calls_accept;
  const int flags = SOCK_CLOEXEC | (mode == Mode::nonblocking ? SOCK_NONBLOCK : 0);
  const int fd =
      system_call(CallKind::accept4, direct_accept4, listener, nullptr, nullptr, flags);
  return fd >= 0 ? fd : -errno;
}

std::int64_t receive_blocking(int fd, void* data, std::size_t size) noexcept {
  ++base::counters.calls_receive;
  const ssize_t got = system_call(CallKind::recv, direct_recv, fd, data, size, 0);
  return got >= 0 ? got : -errno;
}

std::int64_t send_blocking(int fd, const void* data, std::size_t size) noexcept {
  ++base::counters.calls_send;
  const ssize_t sent = system_call(CallKind::send, direct_send, fd, data, size, MSG_NOSIGNAL);
  return sent >= 0 ? sent : -errno;
}

void set_blocking_bound(int fd, std::int64_t nanoseconds) noexcept {
  base::counters.calls_other += 2;
  const timeval bound{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000 / 1000};
  system_call(CallKind::setsockopt, ::setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &bound,
              socklen_t{sizeof bound});
  system_call(CallKind::setsockopt, ::setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &bound,
              socklen_t{sizeof bound});
}

bool has_blocking_bound(int fd) noexcept {
  ++base::counters.calls_other;
  timeval bound{};
  socklen_t length = sizeof bound;
  if (system_call(CallKind::getsockopt, ::getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &bound,
                  &length) != 0)
    return false;
  return bound.tv_sec != 0 || bound.tv_usec != 0;
}

void set_nonblocking(int fd, bool on) noexcept {
  base::counters.calls_other += 2;
  const int flags = system_call(CallKind::fcntl, ::fcntl, fd, F_GETFL);
  if (flags < 0) return;  // -1 would set every flag that there is.
  system_call(CallKind::fcntl, ::fcntl, fd, F_SETFL,
              on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

bool is_nonblocking(int fd) noexcept {
  ++base::counters.calls_other;
  const int flags = system_call(CallKind::fcntl, ::fcntl, fd, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

int duplicate(int fd) noexcept {
  ++base::counters.calls_other;
  const int copy = system_call(CallKind::fcntl, ::fcntl, fd, F_DUPFD_CLOEXEC, 0);
  return copy >= 0 ? copy : -errno;
}

void finish_sending(int fd) noexcept {
  ++base::counters.calls_other;
  system_call(CallKind::shutdown, ::shutdown, fd, SHUT_WR);
}

void reset_on_close(int fd) noexcept {
  ++base::counters.calls_other;
  const linger zero{1, 0};
  system_call(CallKind::setsockopt, ::setsockopt, fd, SOL_SOCKET, SO_LINGER, &zero,
              socklen_t{sizeof zero});
}

std::size_t unread(int fd) noexcept { return queued(fd, FIONREAD); }
std::size_t undelivered(int fd) noexcept { return queued(fd, SIOCOUTQ); }

bool is_tcp(int fd) noexcept {
  ++base::counters.calls_other;
  int protocol = 0;
  socklen_t length = sizeof protocol;
  system_call(CallKind::getsockopt, ::getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol,
              &length);
  return protocol == IPPROTO_TCP;
}

Endpoint local_endpoint(int fd) {
  ++base::counters.calls_other;
  SocketAddress address;
  address.length = sizeof address.bytes;
  if (system_call(CallKind::getsockname, ::getsockname, fd,
                  reinterpret_cast<sockaddr*>(address.bytes), &address.length) != 0)
    return {};
  return address.endpoint();
}

Endpoint peer_endpoint(int fd) {
  ++base::counters.calls_other;
  SocketAddress address;
  address.length = sizeof address.bytes;
  if (system_call(CallKind::getpeername, ::getpeername, fd,
                  reinterpret_cast<sockaddr*>(address.bytes), &address.length) != 0)
    return {};
  return address.endpoint();
}

std::size_t descriptor_limit() noexcept {
  rlimit limit{};
  system_call(CallKind::getrlimit, ::getrlimit, RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace weir::os
