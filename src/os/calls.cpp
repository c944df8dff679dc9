#include "os/calls.h"

#include <sys/socket.h>

#include <cerrno>
#include <new>

#include "base/counters.h"
#include "os/clock.h"
#include "os/direct.h"
#include "os/epoll.h"
#include "os/poll.h"
#include "os/ring.h"
#include "os/socket.h"
#include "os/tap.h"
#include "os/timer.h"

namespace weir::os {
namespace {

using kernel::PollEntry;

class LinuxCalls final : public kernel::Calls {
 public:
  kernel::Clock& clock() noexcept override { return monotonic_clock(); }

  std::int64_t receive(int fd, void* data, std::size_t size) noexcept override {
    ++base::counters.calls_receive;
    const ssize_t got = system_call(CallKind::recv, direct_recv, fd, data, size, MSG_DONTWAIT);
    return got >= 0 ? got : -errno;
  }
  std::int64_t send(int fd, const void* data, std::size_t size) noexcept override {
    ++base::counters.calls_send;
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    const ssize_t sent = system_call(CallKind::send, direct_send, fd, data, size, flags);
    return sent >= 0 ? sent : -errno;
  }
  std::int64_t send(int fd, const Slice* slices, std::size_t count) noexcept override {
    ++base::counters.calls_send;
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    msghdr message{};
    // sendmsg(2) does not write through msg_iov.
    message.msg_iov = const_cast<iovec*>(reinterpret_cast<const iovec*>(slices));
    message.msg_iovlen = count;
    const ssize_t sent = system_call(CallKind::sendmsg, direct_sendmsg, fd, &message, flags);
    return sent >= 0 ? sent : -errno;
  }
  std::int64_t receive_blocking(int fd, void* data, std::size_t size) noexcept override {
    return os::receive_blocking(fd, data, size);
  }
  std::int64_t send_blocking(int fd, const void* data, std::size_t size) noexcept override {
    return os::send_blocking(fd, data, size);
  }
  int accept(int listener, Mode mode) noexcept override { return os::accept(listener, mode); }

  int socket_for(const Endpoint& endpoint, Mode mode) noexcept override {
    return os::socket_for(endpoint, mode);
  }
  int bind_source(int fd, const Endpoint& from) noexcept override {
    return os::bind_source(fd, from);
  }
  int connect(int fd, const Endpoint& endpoint) noexcept override {
    return os::connect(fd, endpoint);
  }
  int connect_result(int fd) noexcept override { return os::connect_result(fd); }

  void close(int fd) noexcept override { os::close_fd(fd); }
  int duplicate(int fd) noexcept override { return os::duplicate(fd); }
  void finish_sending(int fd) noexcept override { os::finish_sending(fd); }
  void reset_on_close(int fd) noexcept override { os::reset_on_close(fd); }
  std::size_t unread(int fd) noexcept override { return os::unread(fd); }
  std::size_t undelivered(int fd) noexcept override { return os::undelivered(fd); }
  void set_blocking_bound(int fd, std::int64_t nanoseconds) noexcept override {
    os::set_blocking_bound(fd, nanoseconds);
  }
  bool has_blocking_bound(int fd) noexcept override { return os::has_blocking_bound(fd); }
  void set_nonblocking(int fd, bool on) noexcept override { os::set_nonblocking(fd, on); }
  bool is_nonblocking(int fd) noexcept override { return os::is_nonblocking(fd); }
  Endpoint local(int fd) override { return local_endpoint(fd); }
  Endpoint peer(int fd) override { return peer_endpoint(fd); }

  std::size_t poll(PollEntry* entries, std::size_t count,
                   std::int64_t nanoseconds) noexcept override {
    return os::poll(entries, count, nanoseconds);
  }
  void rest(std::int64_t nanoseconds) noexcept override { os::rest(nanoseconds); }

  std::unique_ptr<kernel::Timer> make_timer() noexcept override {
    std::unique_ptr<Timer> timer(new (std::nothrow) Timer);
    return timer != nullptr && timer->valid() ? std::move(timer) : nullptr;
  }
  std::unique_ptr<kernel::Epoll> make_epoll() override { return std::make_unique<Epoll>(); }
  std::unique_ptr<kernel::Ring> make_ring(const kernel::Ring::Options& options) override {
    return std::make_unique<Ring>(options);
  }
};

}  // namespace

kernel::Calls& calls() noexcept {
  static constinit LinuxCalls linux_calls;
  return linux_calls;
}

}  // namespace weir::os
