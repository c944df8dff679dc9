#include "tests/support/line.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <stdexcept>

#include "tests/support/address.h"
#include "tests/support/deadline.h"
#include "tests/support/fd.h"

namespace support {

namespace {

void set_option(int fd, int level, int option, int value) {
  if (setsockopt(fd, level, option, &value, sizeof value) != 0) fail("setsockopt");
}

class SocketLine final : public Line {
 public:
  SocketLine(const std::string& address, const LineOptions& options);

  ssize_t send(std::string_view bytes, int flags) override {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | flags);
  }
  ssize_t receive(char* data, std::size_t size) override {
    return recv(fd_.get(), data, size, 0);
  }
  bool wait(short events, int milliseconds) override;
  bool was_reset() override {
    pollfd entry{fd_.get(), 0, 0};
    return poll(&entry, 1, 0) == 1 && (entry.revents & POLLERR) != 0;
  }
  std::size_t unread() override { return ask(FIONREAD, "FIONREAD"); }
  std::size_t undelivered() override { return ask(SIOCOUTQ, "SIOCOUTQ"); }
  void finish() override {
    if (shutdown(fd_.get(), SHUT_WR) != 0) fail("shutdown");
  }
  void reset_on_close() override {
    const linger at_once{1, 0};
    if (setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) {
      fail("SO_LINGER");
    }
  }

 private:
  std::size_t ask(unsigned long what, const char* name) const {
    int count = 0;
    if (ioctl(fd_.get(), what, &count) != 0) fail(name);
    return static_cast<std::size_t>(count);
  }

  Fd fd_;
};

SocketLine::SocketLine(const std::string& text, const LineOptions& options) {
  const Address address = Address::parse(text);
  fd_ = Fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_.open()) fail("socket");
  const int fd = fd_.get();
  if (options.receive_buffer > 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (options.send_buffer > 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (address.family() != AF_UNIX) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!options.from.empty()) {
    const Address from = Address::parse(options.from);
    if (bind(fd, from.get(), from.size) != 0) fail("bind to " + options.from);
  }
  if (::connect(fd, address.get(), address.size) == 0) return;
  if (errno != EINPROGRESS) fail("connect to " + text);
  if (!wait(POLLOUT, Deadline().left_ms())) throw std::runtime_error("no connection to " + text);
  socklen_t size = sizeof errno;
  // Reset: the connection was there, and the server has ended it already; refused is another
  // error. The test sees the end when it receives.
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &size) != 0 ||
      (errno != 0 && errno != ECONNRESET)) {
    fail("connect to " + text);
  }
}

bool SocketLine::wait(short events, int milliseconds) {
  const Deadline deadline{std::chrono::milliseconds(milliseconds)};
  pollfd entry{fd_.get(), events, 0};
  while (true) {
    const int ready = poll(&entry, 1, deadline.left_ms());
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

std::unique_ptr<Line> connect(const std::string& address, const LineOptions& options) {
  if (Simulation* simulation = Simulation::current()) {
    return std::unique_ptr<Line>(simulation->connect(address, options));
  }
  for (Deadline deadline;; rest()) {
    try {
      return std::make_unique<SocketLine>(address, options);
    } catch (const std::system_error& error) {
      // A unix socket whose backlog is full says so instead of waiting.
      if (error.code() != std::errc::resource_unavailable_try_again || deadline.passed()) throw;
    }
  }
}

}  // namespace support
