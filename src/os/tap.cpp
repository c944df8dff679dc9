#include "os/tap.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>

#include "base/assert.h"
#include "os/socket.h"

namespace weir::os {
namespace {

constexpr std::array<std::string_view, call_kinds> names{"socket",
                                                         "setsockopt",
                                                         "getsockopt",
                                                         "bind",
                                                         "listen",
                                                         "accept4",
                                                         "connect",
                                                         "getsockname",
                                                         "getpeername",
                                                         "recv",
                                                         "send",
                                                         "sendmsg",
                                                         "sendto",
                                                         "shutdown",
                                                         "close",
                                                         "close_range",
                                                         "fcntl",
                                                         "ioctl",
                                                         "eventfd",
                                                         "read",
                                                         "write",
                                                         "lstat",
                                                         "unlink",
                                                         "chmod",
                                                         "chown",
                                                         "open",
                                                         "pipe2",
                                                         "dup2",
                                                         "readlink",
                                                         "epoll_create1",
                                                         "epoll_ctl",
                                                         "epoll_wait",
                                                         "poll",
                                                         "select",
                                                         "nanosleep",
                                                         "timerfd_create",
                                                         "timerfd_settime",
                                                         "fork",
                                                         "execve",
                                                         "pidfd_open",
                                                         "waitid",
                                                         "waitpid",
                                                         "kill",
                                                         "sigaction",
                                                         "prctl",
                                                         "setuid",
                                                         "setgid",
                                                         "setgroups",
                                                         "sched_getaffinity",
                                                         "sched_setaffinity",
                                                         "exit",
                                                         "pthread_create",
                                                         "pthread_join",
                                                         "mmap",
                                                         "munmap",
                                                         "getrlimit",
                                                         "getrandom",
                                                         "io_uring_setup",
                                                         "io_uring_register",
                                                         "io_uring_enter",
                                                         "request",
                                                         "completion"};
static_assert(names.back() == "completion");

// What sendmsg(2) is given when it is shortened: its own header and slices stay as they are.
struct ShorterMessage {
  msghdr header;
  iovec slices[slices_max];
};
constinit thread_local ShorterMessage shorter{};

const msghdr& message(const Call& call) noexcept {
  return *reinterpret_cast<const msghdr*>(std::uintptr_t{call.arguments[1]});
}

}  // namespace

std::string_view name(CallKind kind) noexcept { return names[static_cast<std::size_t>(kind)]; }

int Call::fd() const noexcept {
  switch (kind) {
    case CallKind::socket:
    case CallKind::eventfd:
    case CallKind::close_range:
    case CallKind::lstat:
    case CallKind::unlink:
    case CallKind::epoll_create1:
    case CallKind::poll:
    case CallKind::select:
    case CallKind::nanosleep:
    case CallKind::timerfd_create:
    case CallKind::fork:
    case CallKind::waitid:
    case CallKind::waitpid:
    case CallKind::kill:
    case CallKind::sigaction:
    case CallKind::prctl:
    case CallKind::exit:
    case CallKind::pthread_create:
    case CallKind::pthread_join:
    case CallKind::mmap:
    case CallKind::munmap:
    case CallKind::getrlimit:
    case CallKind::getrandom:
    case CallKind::io_uring_setup:
    case CallKind::io_uring_register:
    case CallKind::io_uring_enter:
    case CallKind::completion: return -1;
    case CallKind::epoll_ctl: return static_cast<int>(arguments[2]);
    default: return static_cast<int>(arguments[0]);
  }
}

std::size_t Call::length() const noexcept {
  switch (kind) {
    case CallKind::recv:
    case CallKind::send:
    case CallKind::read:
    case CallKind::write:
    case CallKind::request: return static_cast<std::size_t>(arguments[2]);
    case CallKind::sendmsg: {
      std::size_t sum = 0;
      std::for_each_n(message(*this).msg_iov, message(*this).msg_iovlen,
                      [&](const iovec& slice) { sum += slice.iov_len; });
      return sum;
    }
    default: return 0;
  }
}

void Call::shorten(std::size_t size) noexcept {
  ASSERT(size > 0 && size <= length());
  if (kind != CallKind::sendmsg) {
    arguments[2] = size;
    return;
  }
  const msghdr& whole = message(*this);
  ASSERT(whole.msg_iovlen <= slices_max);
  shorter.header = whole;
  shorter.header.msg_iov = shorter.slices;
  std::size_t count = 0;
  for (; size > 0; ++count) {
    shorter.slices[count] = whole.msg_iov[count];
    shorter.slices[count].iov_len = std::min(size, shorter.slices[count].iov_len);
    size -= shorter.slices[count].iov_len;
  }
  shorter.header.msg_iovlen = count;
  arguments[1] = reinterpret_cast<std::uintptr_t>(&shorter.header);
}

}  // namespace weir::os
