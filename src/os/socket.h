// socket.h - TCP and unix sockets: one function a system call, results as values or -errno.
//
// EINTR is retried here, but for the blocking calls, whose caller must look whether it was asked
// to stop. MSG_NOSIGNAL is on every send: SIGPIPE never reaches the process.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/calls.h"
#include "os/address.h"
#include "os/fd.h"

namespace weir::os {

using kernel::Mode;
using kernel::Slice;
using kernel::slices_max;

/// A socket to connect with, not connected yet; CLOEXEC, TCP_NODELAY.
int socket_for(const Endpoint& endpoint, Mode mode) noexcept;
/// bind(2) before connect(2): 0 or -errno.
int bind_source(int fd, const Endpoint& from) noexcept;
/// connect(2): 0, -EINPROGRESS or -errno.
int connect(int fd, const Endpoint& endpoint) noexcept;
/// SO_ERROR: how a connect that was in progress ended, as -errno or 0.
int connect_result(int fd) noexcept;

/// accept4(2), CLOEXEC. The accepted socket is nonblocking or not, as `mode` says; whether the
/// call itself blocks is the listener's mode. Blocking callers may get -EINTR.
int accept(int listener, Mode mode) noexcept;

/// The blocking calls of the textbook. -EINTR and -EAGAIN (a receive timeout passed) come back.
std::int64_t receive_blocking(int fd, void* data, std::size_t size) noexcept;
std::int64_t send_blocking(int fd, const void* data, std::size_t size) noexcept;

/// Bounds every blocking call on the socket (SO_RCVTIMEO, SO_SNDTIMEO; accept too). Inherited.
void set_blocking_bound(int fd, std::int64_t nanoseconds) noexcept;
bool has_blocking_bound(int fd) noexcept;

void set_nonblocking(int fd, bool on) noexcept;
bool is_nonblocking(int fd) noexcept;
int duplicate(int fd) noexcept;            // The lowest free number, CLOEXEC; or -errno.
void finish_sending(int fd) noexcept;      // shutdown(2), SHUT_WR.
void reset_on_close(int fd) noexcept;      // SO_LINGER with zero: close sends RST.
std::size_t unread(int fd) noexcept;       // FIONREAD.
std::size_t undelivered(int fd) noexcept;  // SIOCOUTQ, tcp(7).
bool is_tcp(int fd) noexcept;

Endpoint local_endpoint(int fd);
Endpoint peer_endpoint(int fd);

/// RLIMIT_NOFILE's soft limit.
std::size_t descriptor_limit() noexcept;

}  // namespace weir::os
