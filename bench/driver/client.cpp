#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace bench {
namespace {

constexpr std::int64_t reply_timeout_ns = 30'000 * ms;
constexpr std::size_t greeted_at_once = 64;
constexpr std::size_t scratch_size = 1 << 20;

/// What is sent, and where replies go: nobody looks at the bytes in a turn.
std::array<char, scratch_size> pattern;
std::array<char, scratch_size> scratch;

using Events = std::array<epoll_event, 256>;

class Watchdog {
 public:
  /// Requires: called now and then while waiting.
  void check(std::int64_t now, bool progress) {
    if (progress) last_ = now;
    if (now - last_ > reply_timeout_ns) throw std::runtime_error("no reply for 30 s");
  }

 private:
  std::int64_t last_ = now_ns();
};

int wait_for_events(int epoll, Events& events, int timeout_ms) {
  return must(::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), timeout_ms),
              "epoll_wait");
}

}  // namespace

Fd connect_to(int port) {
  Fd fd(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  must(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  return fd;
}

Client::Client(int port, int connections, std::size_t message_size)
    : port_(port), message_size_(message_size) {
  epoll_ = Fd(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  connections_.reserve(static_cast<std::size_t>(connections));
  while (connections_.size() < static_cast<std::size_t>(connections)) {
    const std::size_t first = connections_.size();
    const std::size_t some =
        std::min(first + greeted_at_once, static_cast<std::size_t>(connections));
    while (connections_.size() < some) add(connect_to(port));
    run(INT64_MAX, static_cast<std::int64_t>(some - first), 1, first);
  }
}

void Client::add(Fd fd) {
  Connection& connection = connections_.emplace_back();
  connection.fd = std::move(fd);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u64 = connections_.size() - 1;
  must(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd.get(), &event), "epoll_ctl");
}

void Client::request(Connection& connection, std::size_t count) {
  connection.unsent += count * message_size_;
  connection.unread += count * message_size_;
  flush(connection);
}

void Client::flush(Connection& connection) {
  while (connection.unsent > 0) {
    const std::size_t size = std::min(connection.unsent, pattern.size());
    const ssize_t sent =
        ::send(connection.fd.get(), pattern.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;  // An edge tells when to go on.
    connection.unsent -= static_cast<std::size_t>(must(sent, "send"));
  }
}

std::size_t Client::receive(Connection& connection) {
  const std::size_t before = (connection.unread + message_size_ - 1) / message_size_;
  while (connection.unread > 0) {
    const ssize_t size =
        ::recv(connection.fd.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) break;
    if (must(size, "recv") == 0) throw std::runtime_error("the server has closed a connection");
    if (static_cast<std::size_t>(size) > connection.unread) {
      throw std::runtime_error("the server has sent more than it got");
    }
    connection.unread -= static_cast<std::size_t>(size);
    if (static_cast<std::size_t>(size) < scratch.size())
      break;  // Drained: an edge tells of more.
  }
  return before - (connection.unread + message_size_ - 1) / message_size_;
}

Turn Client::closed_loop(std::int64_t duration_ns, int depth) {
  return run(now_ns() + duration_ns, INT64_MAX, depth);
}

Turn Client::exactly(std::int64_t requests, int depth) { return run(INT64_MAX, requests, depth); }

Turn Client::run(std::int64_t deadline_ns, std::int64_t requests_max, int depth,
                 std::size_t first) {
  Turn turn;
  Watchdog watchdog;
  const std::int64_t begin = now_ns();
  std::int64_t started = 0, completed = 0;
  const auto start = [&](Connection& connection, std::int64_t count) {
    count = std::min(count, requests_max - started);
    if (count <= 0) return;
    started += count;
    request(connection, static_cast<std::size_t>(count));
  };
  for (std::size_t i = first; i < connections_.size(); ++i) start(connections_[i], depth);
  while (completed < started) {
    Events events;
    const int count = wait_for_events(epoll_.get(), events, wait_ms_);
    const std::int64_t now = now_ns();
    watchdog.check(now, count > 0);
    for (int i = 0; i < count; ++i) {
      Connection& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
      if (connection.unsent > 0) flush(connection);
      const auto replies = static_cast<std::int64_t>(receive(connection));
      completed += replies;
      if (now < deadline_ns) start(connection, replies);
    }
  }
  turn.requests = completed;
  turn.wall_ns = now_ns() - begin;
  return turn;
}

void Client::record(Connection& connection, std::size_t replies, std::int64_t now, Turn& turn) {
  for (; replies > 0; --replies) {
    const std::int64_t latency = now - connection.intended[connection.oldest++];
    turn.latencies_ns.push_back(
        static_cast<std::uint32_t>(std::min<std::int64_t>(latency, UINT32_MAX)));
    ++turn.requests;
  }
  if (connection.oldest == connection.intended.size()) {
    connection.intended.clear();
    connection.oldest = 0;
  }
}

Turn Client::open_loop(std::int64_t duration_ns, double rate) {
  Turn turn;
  Watchdog watchdog;
  const double interval_ns = 1e9 / rate;
  const auto total = static_cast<std::int64_t>(static_cast<double>(duration_ns) / interval_ns);
  turn.latencies_ns.reserve(static_cast<std::size_t>(total));
  const std::int64_t begin = now_ns();
  std::int64_t started = 0;
  while (turn.requests < total) {
    std::int64_t now = now_ns();
    while (started < total) {
      const auto due =
          begin + static_cast<std::int64_t>(static_cast<double>(started) * interval_ns);
      if (due > now) break;
      const auto slot = static_cast<std::size_t>(started) % connections_.size();
      connections_[slot].intended.push_back(due);
      request(connections_[slot], 1);
      ++started;
    }
    Events events;
    const int count = wait_for_events(epoll_.get(), events, 0);
    for (int i = 0; i < count; ++i) {
      Connection& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
      if (connection.unsent > 0) flush(connection);
      const std::size_t replies = receive(connection);
      now = now_ns();
      record(connection, replies, now, turn);
    }
    watchdog.check(now, count > 0);
  }
  turn.wall_ns = now_ns() - begin;
  return turn;
}

void Client::start_short(std::size_t slot) {
  Connection& connection = connections_[slot];
  connection = Connection{};
  connection.fd = connect_to(port_);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.u64 = slot;
  request(connection, 1);
  must(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd.get(), &event), "epoll_ctl");
}

bool Client::step_short(Connection& connection) {
  if (!connection.echoed) {
    receive(connection);
    if (connection.unread > 0) return false;
    connection.echoed = true;
    must(::shutdown(connection.fd.get(), SHUT_WR), "shutdown");
  }
  // The server's close is waited for, so that all of its work falls into this turn.
  const ssize_t size = ::recv(connection.fd.get(), scratch.data(), 1, MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN);
}

Turn Client::churn(std::int64_t duration_ns, int at_once) {
  Turn turn;
  Watchdog watchdog;
  const std::int64_t begin = now_ns();
  connections_.resize(static_cast<std::size_t>(at_once));
  std::int64_t open = 0;
  for (; open < at_once; ++open) start_short(static_cast<std::size_t>(open));
  while (open > 0) {
    Events events;
    const int count = wait_for_events(epoll_.get(), events, 0);
    const std::int64_t now = now_ns();
    watchdog.check(now, count > 0);
    for (int i = 0; i < count; ++i) {
      const auto slot = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
      if (!connections_[slot].fd || !step_short(connections_[slot])) continue;
      ++turn.requests;
      connections_[slot].fd.reset();
      --open;
      if (now - begin >= duration_ns) continue;
      start_short(slot);
      ++open;
    }
  }
  connections_.clear();
  turn.wall_ns = now_ns() - begin;
  return turn;
}

}  // namespace bench
