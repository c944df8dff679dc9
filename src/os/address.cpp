#include "os/address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace weir::os {
namespace {

template <class T>
SocketAddress stored(const T& address, std::size_t length = sizeof(T)) noexcept {
  SocketAddress result;
  std::memcpy(result.bytes, &address, sizeof address);
  result.length = static_cast<std::uint32_t>(length);
  return result;
}

template <class T>
T loaded(const SocketAddress& address) noexcept {
  T result;
  std::memcpy(&result, address.bytes, sizeof result);
  return result;
}

}  // namespace

SocketAddress SocketAddress::of(const Endpoint& endpoint) noexcept {
  switch (endpoint.family) {
    case Endpoint::Family::ipv4: {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(endpoint.port);
      std::memcpy(&address.sin_addr, endpoint.address.data(), sizeof address.sin_addr);
      return stored(address);
    }
    case Endpoint::Family::ipv6: {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(endpoint.port);
      address.sin6_scope_id = endpoint.scope;
      std::memcpy(&address.sin6_addr, endpoint.address.data(), sizeof address.sin6_addr);
      return stored(address);
    }
    case Endpoint::Family::unix_socket: {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      const std::size_t length = std::min(endpoint.path.size(), sizeof address.sun_path - 1);
      std::memcpy(address.sun_path, endpoint.path.data(), length);
      return stored(address, offsetof(sockaddr_un, sun_path) + length + 1);
    }
    case Endpoint::Family::none: break;
  }
  return {};
}

Endpoint SocketAddress::endpoint() const {
  Endpoint result;
  if (length < sizeof(sa_family_t)) return result;
  switch (loaded<sa_family_t>(*this)) {
    case AF_INET: {
      const auto address = loaded<sockaddr_in>(*this);
      result.family = Endpoint::Family::ipv4;
      result.port = ntohs(address.sin_port);
      std::memcpy(result.address.data(), &address.sin_addr, sizeof address.sin_addr);
      break;
    }
    case AF_INET6: {
      const auto address = loaded<sockaddr_in6>(*this);
      result.family = Endpoint::Family::ipv6;
      result.port = ntohs(address.sin6_port);
      result.scope = address.sin6_scope_id;
      std::memcpy(result.address.data(), &address.sin6_addr, sizeof address.sin6_addr);
      break;
    }
    case AF_UNIX: {
      const auto address = loaded<sockaddr_un>(*this);
      result.family = Endpoint::Family::unix_socket;
      // A client that did not bind has no path (unix(7), "unnamed").
      if (length > offsetof(sockaddr_un, sun_path)) {
        const std::size_t room = length - offsetof(sockaddr_un, sun_path);
        result.path.assign(address.sun_path, strnlen(address.sun_path, room));
      }
      break;
    }
    default: break;
  }
  return result;
}

}  // namespace weir::os
