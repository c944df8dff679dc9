#include "tests/support/client.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "tests/support/address.h"
#include "tests/support/deadline.h"

namespace support {

namespace {

void set_option(int fd, int level, int option, int value) {
  if (setsockopt(fd, level, option, &value, sizeof value) != 0) fail("setsockopt");
}

}  // namespace

Client::Client(const std::string& address, const Options& options) {
  for (Deadline deadline;; rest()) {
    try {
      connect(address, options);
      return;
    } catch (const std::system_error& error) {
      // A unix socket whose backlog is full says so instead of waiting.
      if (error.code() != std::errc::resource_unavailable_try_again || deadline.passed()) throw;
    }
  }
}

void Client::connect(const std::string& text, const Options& options) {
  const Address address = Address::parse(text);
  fd_ = Fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_.open()) fail("socket");
  if (options.receive_buffer > 0) set_option(fd(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (options.send_buffer > 0) set_option(fd(), SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (address.family() != AF_UNIX) set_option(fd(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (!options.from.empty()) {
    const Address from = Address::parse(options.from);
    if (bind(fd(), from.get(), from.size) != 0) fail("bind to " + options.from);
  }
  if (::connect(fd(), address.get(), address.size) == 0) return;
  if (errno != EINPROGRESS) fail("connect to " + text);
  wait_for(POLLOUT);
  socklen_t size = sizeof errno;
  // Reset: the connection was there, and the server has ended it already; refused is another
  // error. The test sees the end when it receives.
  if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &errno, &size) != 0 ||
      (errno != 0 && errno != ECONNRESET)) {
    fail("connect to " + text);
  }
}

void Client::send(std::string_view bytes) {
  while (true) {
    bytes.remove_prefix(send_some(bytes));
    if (bytes.empty()) return;
    wait_for(POLLOUT);
  }
}

std::size_t Client::send_some(std::string_view bytes) {
  const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  fail("send");
}

void Client::send_urgent(char byte) {
  if (::send(fd(), &byte, 1, MSG_OOB | MSG_NOSIGNAL) != 1) fail("send urgent");
}

ssize_t Client::try_receive(char* data, std::size_t size) {
  const ssize_t got = recv(fd(), data, size, 0);
  if (got < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
  return got;
}

std::string Client::receive(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ssize_t got = try_receive(bytes.data() + have, count - have);
    if (got == 0) break;
    if (got > 0) have += static_cast<std::size_t>(got);
    if (got < 0) wait_for(POLLIN);
  }
  bytes.resize(have);
  return bytes;
}

std::string Client::receive_some() {
  wait_for(POLLIN);
  return receive_now();
}

std::string Client::receive_now() {
  std::string bytes(64 * 1024, '\0');
  bytes.resize(
      static_cast<std::size_t>(std::max<ssize_t>(0, try_receive(bytes.data(), bytes.size()))));
  return bytes;
}

std::string Client::receive_line() {
  std::string line;
  while (line.empty() || line.back() != '\n') {
    const std::string next = receive(1);
    if (next.empty()) break;
    line += next;
  }
  return line;
}

std::string Client::receive_to_end() {
  std::string all;
  for (std::string bytes; !(bytes = receive(256 * 1024)).empty();) all += bytes;
  return all;
}

std::string Client::converse(std::string_view bytes) {
  std::string answer(bytes.size(), '\0');
  std::size_t have = 0;
  while (have < answer.size()) {
    bytes.remove_prefix(bytes.empty() ? 0 : send_some(bytes));
    const ssize_t got = try_receive(answer.data() + have, answer.size() - have);
    if (got == 0) break;
    if (got > 0) have += static_cast<std::size_t>(got);
    if (got < 0) wait_for(static_cast<short>(bytes.empty() ? POLLIN : POLLIN | POLLOUT));
  }
  answer.resize(have);
  return answer;
}

std::string Client::receive_to_end_while_sending() {
  const std::string filler(16 * 1024, '.');
  std::string all;
  std::string piece(64 * 1024, '\0');
  while (true) {
    send_some(filler);
    const ssize_t got = try_receive(piece.data(), piece.size());
    if (got == 0) return all;
    if (got > 0) all.append(piece, 0, static_cast<std::size_t>(got));
    if (got < 0) wait_for(POLLIN | POLLOUT);
  }
}

bool Client::was_reset() const {
  pollfd entry{fd(), 0, 0};
  return poll(&entry, 1, 0) == 1 && (entry.revents & POLLERR) != 0;
}

void Client::answered_or_ended() const { wait_for(POLLIN); }

bool Client::sees_end() {
  try {
    while (!receive_some().empty()) continue;
    return true;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::connection_reset || error.code() == std::errc::broken_pipe;
  }
}

std::size_t Client::unread() const {
  int count = 0;
  if (ioctl(fd(), FIONREAD, &count) != 0) fail("FIONREAD");
  return static_cast<std::size_t>(count);
}

void Client::finish() {
  if (shutdown(fd(), SHUT_WR) != 0) fail("shutdown");
}

void Client::reset() {
  const linger at_once{1, 0};
  if (setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) fail("SO_LINGER");
  close();
}

void Client::wait_until_delivered() const {
  const bool delivered = eventually([this] {
    int count = 0;
    if (ioctl(fd(), SIOCOUTQ, &count) != 0) fail("SIOCOUTQ");
    return count == 0;
  });
  if (!delivered) throw std::runtime_error("the peer's kernel does not take what was sent");
}

void Client::wait_for(short events) const {
  const Deadline deadline;
  pollfd entry{fd(), events, 0};
  while (true) {
    const int ready = poll(&entry, 1, deadline.left_ms());
    if (ready > 0) return;
    if (ready < 0 && errno == EINTR) continue;
    throw std::runtime_error(std::string("the server let its client wait for ") +
                             (events == POLLOUT ? "room to send" : "an answer"));
  }
}

}  // namespace support
