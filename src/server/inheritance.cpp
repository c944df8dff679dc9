#include "server/inheritance.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <weir/error.h>

#include "os/socket.h"

namespace weir::detail {
namespace {

void check(int fd, const std::string& what) {
  if (const char* why = os::why_no_listener(fd); why != nullptr) {
    throw StartError(fmt::format(
        "cannot listen on {}: {}; it has to be a listening stream socket", what, why));
  }
}

bool fits(const Endpoint& wanted, const Endpoint& given) {
  Endpoint same = given;
  if (wanted.port == 0) same.port = 0;
  return same == wanted;
}

}  // namespace

std::optional<int> descriptor_named(std::string_view address) {
  constexpr std::string_view prefix = "fd:";
  if (!address.starts_with(prefix)) return std::nullopt;
  const std::string_view text = address.substr(prefix.size());
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 3) {
    throw StartError(
        fmt::format("bad address '{}': '{}' is not a descriptor from 3 on (0, 1 and 2 are the "
                    "standard streams)",
                    address, text));
  }
  return number;
}

std::string name_of_descriptor(int number) { return fmt::format("weir-fd-{}", number); }

Inheritance Inheritance::take() {
  os::InheritedSockets given = os::take_inherited();
  Inheritance result;
  result.ready_ = std::move(given.ready);
  result.from_predecessor_ = static_cast<bool>(result.ready_);
  for (auto& [fd, name] : given.sockets) {
    check(fd.get(), fmt::format("descriptor {}, which LISTEN_FDS gives", fd.get()));
    Socket& socket = result.sockets_.emplace_back();
    socket.endpoint = os::local_endpoint(fd.get());
    socket.fd = std::move(fd);
    socket.owned = result.from_predecessor_ && name == owned_name;
    // Only a predecessor may call a socket our own.
    socket.name = name == owned_name && !socket.owned ? "unknown" : std::move(name);
  }
  return result;
}

std::vector<Inheritance::Socket> Inheritance::take_all(const Endpoint& endpoint) {
  std::vector<Socket> taken;
  for (auto socket = sockets_.begin(); socket != sockets_.end();) {
    if (socket->endpoint != endpoint) {
      ++socket;
      continue;
    }
    taken.push_back(std::move(*socket));
    socket = sockets_.erase(socket);
  }
  return taken;
}

std::vector<Inheritance::Socket> Inheritance::claim(const Endpoint& endpoint) {
  const auto found = std::ranges::find_if(
      sockets_, [&](const Socket& each) { return fits(endpoint, each.endpoint); });
  if (found == sockets_.end()) return {};
  return take_all(Endpoint(found->endpoint));
}

std::vector<Inheritance::Socket> Inheritance::claim_next() {
  if (sockets_.empty()) return {};
  return take_all(Endpoint(sockets_.front().endpoint));
}

Inheritance::Socket Inheritance::claim(int number) {
  const std::string name = name_of_descriptor(number);
  if (std::ranges::find(numbers_, number) != numbers_.end()) {
    throw StartError(fmt::format("cannot listen on fd:{} twice", number));
  }
  numbers_.push_back(number);
  // The numbers of a restarted process are not those that its command line was written for.
  const auto found = std::ranges::find_if(sockets_, [&](const Socket& each) {
    return from_predecessor_ ? each.name == name : each.fd.get() == number;
  });
  Socket socket;
  if (found != sockets_.end()) {
    socket = std::move(*found);
    sockets_.erase(found);
  } else {
    check(number, fmt::format("fd:{}", number));
    socket.fd = os::Fd(number);
    socket.endpoint = os::local_endpoint(number);
  }
  socket.name = name;
  return socket;
}

}  // namespace weir::detail
