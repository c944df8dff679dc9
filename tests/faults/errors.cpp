#include "tests/faults/errors.h"

#include <cerrno>

namespace faults {

using weir::os::CallKind;

const std::vector<Sweep>& sweeps() {
  static const std::vector<Sweep> all{
      // sockets
      {CallKind::socket, {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM}},
      {CallKind::setsockopt, {EINVAL, ENOPROTOOPT, ENOMEM}},
      {CallKind::getsockopt, {EINVAL, ENOPROTOOPT}},
      {CallKind::bind, {EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOMEM}},
      {CallKind::listen, {EADDRINUSE, EOPNOTSUPP}},
      {CallKind::getsockname, {ENOBUFS}},
      {CallKind::accept4,
       {EAGAIN, EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO, EPERM, ENETDOWN,
        EHOSTUNREACH, ENETUNREACH, ETIMEDOUT}},
      {CallKind::recv, {EAGAIN, EINTR, ECONNRESET, ENOMEM, ETIMEDOUT, ECONNREFUSED}, true},
      {CallKind::send, {EAGAIN, EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, ETIMEDOUT}, true},
      {CallKind::sendmsg, {EAGAIN, EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM}, true},
      {CallKind::shutdown, {ENOTCONN, EINVAL}},
      // descriptors and memory
      {CallKind::close, {EINTR, EIO}, false, true},
      {CallKind::close_range, {EINVAL, EMFILE, ENOMEM, ENOSYS}},
      {CallKind::ioctl, {EINVAL}},
      {CallKind::fcntl, {EMFILE, EINVAL}},
      {CallKind::eventfd, {EMFILE, ENFILE, ENODEV, ENOMEM}},
      {CallKind::read, {EAGAIN, EINTR}},
      {CallKind::write, {EINTR}},
      // An eventfd says it when its counter is full, that is, readable: the write is made.
      {CallKind::write, {EAGAIN}, false, true},
      {CallKind::mmap, {EAGAIN, ENOMEM}},
      {CallKind::munmap, {ENOMEM}, false, true},
      {CallKind::getrandom, {EAGAIN, EINTR, ENOSYS}},
      // waiting
      {CallKind::epoll_create1, {EMFILE, ENFILE, ENOMEM}},
      {CallKind::epoll_ctl, {ENOMEM, ENOSPC}},
      {CallKind::epoll_wait, {EINTR}},
      {CallKind::poll, {EINTR, ENOMEM}},
      {CallKind::select, {EINTR, ENOMEM}},
      {CallKind::nanosleep, {EINTR}},
      {CallKind::timerfd_create, {EMFILE, ENFILE, ENOMEM, ENODEV}},
      {CallKind::timerfd_settime, {EINVAL, ECANCELED}},
      // processes and threads
      {CallKind::fork, {EAGAIN, ENOMEM, ENOSYS}},
      {CallKind::pidfd_open, {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, ESRCH, ENOSYS}},
      {CallKind::waitid, {ECHILD, EINTR}},
      {CallKind::waitpid, {EINTR}},
      {CallKind::prctl, {EINVAL}},
      {CallKind::pthread_create, {EAGAIN}},
      // io_uring
      {CallKind::io_uring_setup, {EMFILE, ENFILE, EINVAL, ENOMEM, EPERM, ENOSYS}},
      {CallKind::io_uring_register, {EINVAL, ENOMEM}},
      {CallKind::io_uring_enter, {EAGAIN, EBUSY, EINTR}},
      {CallKind::request,
       {EAGAIN, EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, EMFILE, ECONNABORTED, ECANCELED},
       true},
  };
  return all;
}

const std::vector<Spared>& cannot_be_failed() {
  static const std::vector<Spared> all{
      {CallKind::exit, "does not return"},
      {CallKind::completion, "no call: what a request has come to, which is failed there"},
      {CallKind::pthread_join,
       "fails for a thread that is none or has been joined, our mistakes"},
      {CallKind::getrlimit, "fails for a limit or an address that is none, our mistakes"},
      {CallKind::sigaction, "fails for a signal or an address that is none, our mistakes"},
      {CallKind::kill, "fails for whoever is not ours: a child is, and its number, until reaped"},
  };
  return all;
}

const std::vector<Spared>& do_not_occur() {
  constexpr std::string_view client = "by a client",
                             lists = "by lists, limits and lines of a log";
  constexpr std::string_view manager = "by a service manager's socket";
  constexpr std::string_view file = "by a unix socket's file";
  constexpr std::string_view restart = "by a restart", user = "by --user", pin = "by --pin";
  static const std::vector<Spared> all{
      {CallKind::connect, client},
      {CallKind::getpeername, lists},
      {CallKind::sendto, manager},
      {CallKind::lstat, file},
      {CallKind::unlink, file},
      {CallKind::chmod, file},
      {CallKind::chown, file},
      {CallKind::open, restart},
      {CallKind::pipe2, restart},
      {CallKind::dup2, restart},
      {CallKind::readlink, restart},
      {CallKind::execve, restart},
      {CallKind::setuid, user},
      {CallKind::setgid, user},
      {CallKind::setgroups, user},
      {CallKind::sched_getaffinity, pin},
      {CallKind::sched_setaffinity, pin},
  };
  return all;
}

std::vector<Fault> faults_of(const Sweep& sweep, std::size_t step) {
  std::vector<Fault> all;
  for (const int error : sweep.errors) all.push_back({sweep.kind, error, 0, sweep.is_made});
  if (!sweep.moves_bytes) return all;
  for (std::size_t length = 1; length < 4096; length += step) {
    all.push_back({sweep.kind, 0, length});
  }
  return all;
}

}  // namespace faults
