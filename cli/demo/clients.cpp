#include "cli/demo/clients.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/demo/payload.h"

namespace weir::demo {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int patience_ms = 8000;

[[noreturn]] void throw_errno(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

int connect_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw_errno("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error_number = errno;
  close(fd);
  throw Fault(fmt::format("connect: {}", std::strerror(error_number)));
}

// One client: send a message, compare what comes back, again; then finish and see the end.
class Client {
 public:
  Client(const Load& load, unsigned number, Clock::time_point until)
      : fd(connect_to(load.port)),
        load_(load),
        random_(load.seed * 1'000'003 + number),
        until_(until) {
    compose();
  }
  ~Client() { close(fd); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends and receives what the kernel takes and has; true when the client has left.
  bool go_on(Clock::time_point now, Outcome& outcome) {
    send_on();
    const Received received = receive_on();
    if (received == Received::message) {
      ++outcome.requests;
      outcome.bytes += message_.size();
      next(now);
    }
    return received == Received::end;
  }

  bool wants_to_send() const { return sent_ < message_.size(); }

  const int fd;
  bool asks_to_send = false;  // What epoll was told.

 private:
  enum class Received { nothing, part, message, end };

  void compose() {
    message_.resize(load_.random_sizes ? random_.up_to(load_.size) : load_.size);
    random_.fill(message_);
    sent_ = returned_ = 0;
    ++messages_;
  }

  void next(Clock::time_point now) {
    if (now < until_ && messages_ < load_.messages_each) {
      compose();
      send_on();
    } else {
      leaving_ = true;
      shutdown(fd, SHUT_WR);
    }
  }

  void send_on() {
    if (!wants_to_send()) return;
    const auto rest = std::span(message_).subspan(sent_);
    const ssize_t count = send(fd, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      throw Fault(fmt::format("send: {}", std::strerror(errno)));
    }
  }

  Received receive_on() {
    static std::array<std::byte, 256 * 1024> buffer;
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) return Received::nothing;
      throw Fault(fmt::format("receive: {}", std::strerror(errno)));
    }
    if (count == 0) {
      if (!leaving_) throw Fault("the server closed too early");
      return Received::end;
    }
    return compare(std::span(buffer).first(static_cast<std::size_t>(count)));
  }

  Received compare(std::span<const std::byte> bytes) {
    const auto expected = std::span(message_).subspan(returned_, sent_ - returned_);
    if (bytes.size() > expected.size()) throw Fault("more bytes came back than were sent");
    if (std::memcmp(bytes.data(), expected.data(), bytes.size()) != 0) {
      throw Fault("a wrong byte came back");
    }
    returned_ += bytes.size();
    return returned_ == message_.size() ? Received::message : Received::part;
  }

  const Load& load_;
  Random random_;
  Clock::time_point until_;
  std::vector<std::byte> message_;
  std::size_t sent_ = 0;
  std::size_t returned_ = 0;
  std::uint64_t messages_ = 0;
  bool leaving_ = false;
};

// All clients of one load, at most `at_once` of them at a time.
class Crowd {
 public:
  explicit Crowd(const Load& load) : load_(load), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw_errno("epoll_create1");
  }
  ~Crowd() { close(epoll_); }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  Outcome run() {
    const auto begin = Clock::now();
    try {
      while (admit()) turn();
    } catch (const Fault& fault) { outcome_.fault = fault.what(); }
    outcome_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return outcome_;
  }

 private:
  // Lets clients in while there is room; false when all have left.
  bool admit() {
    const auto time_each = load_.duration * load_.at_once / load_.clients;
    for (; inside_.size() < load_.at_once && admitted_ < load_.clients; ++admitted_) {
      auto client = std::make_unique<Client>(load_, admitted_, Clock::now() + time_each);
      tell_epoll(EPOLL_CTL_ADD, *client);
      inside_.push_back(std::move(client));
    }
    return !inside_.empty();
  }

  void turn() {
    std::array<epoll_event, 128> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), patience_ms);
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    if (count == 0) throw Fault(fmt::format("no answer for {} s", patience_ms / 1000));

    const auto now = Clock::now();
    for (int i = 0; i < count; ++i) serve(*static_cast<Client*>(events[i].data.ptr), now);
  }

  void serve(Client& client, Clock::time_point now) {
    if (client.go_on(now, outcome_)) {
      ++outcome_.served;
      std::erase_if(inside_, [&](const auto& each) { return each.get() == &client; });
    } else if (client.asks_to_send != client.wants_to_send()) {
      tell_epoll(EPOLL_CTL_MOD, client);
    }
  }

  void tell_epoll(int what, Client& client) {
    client.asks_to_send = client.wants_to_send();
    epoll_event event{};
    event.events = EPOLLIN | (client.asks_to_send ? EPOLLOUT : 0U);
    event.data.ptr = &client;
    if (epoll_ctl(epoll_, what, client.fd, &event) != 0) throw_errno("epoll_ctl");
  }

  const Load load_;
  const int epoll_;
  unsigned admitted_ = 0;
  std::vector<std::unique_ptr<Client>> inside_;
  Outcome outcome_;
};

}  // namespace

Outcome drive(const Load& load) { return Crowd(load).run(); }

}  // namespace weir::demo
