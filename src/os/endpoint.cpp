// endpoint.cpp - the text forms of an Endpoint.
#include <weir/endpoint.h>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>

#include <weir/error.h>

#include "base/ip_text.h"

namespace weir {
namespace {

using base::printable;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw StartError(
      fmt::format("bad address '{}': {}; write 127.0.0.1:7000, [::1]:7000, *:7000 or "
                  "unix:/path",
                  printable(text), printable(why)));
}

std::uint16_t parse_port(std::string_view whole, std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || port > 65535) {
    refuse(whole, fmt::format("'{}' is not a port from 0 to 65535", text));
  }
  return static_cast<std::uint16_t>(port);
}

Endpoint parse_ipv6(std::string_view whole, std::string_view host) {
  Endpoint result;
  result.family = Endpoint::Family::ipv6;
  std::string address(host);
  if (const auto percent = address.find('%'); percent != std::string::npos) {
    const std::string scope = address.substr(percent + 1);
    address.resize(percent);
    const auto [end, error] =
        std::from_chars(scope.data(), scope.data() + scope.size(), result.scope);
    if (error != std::errc() || end != scope.data() + scope.size()) {
      result.scope = if_nametoindex(scope.c_str());
      if (result.scope == 0) refuse(whole, fmt::format("no interface '{}'", scope));
    }
  }
  if (inet_pton(AF_INET6, address.c_str(), result.address.data()) != 1) {
    refuse(whole, fmt::format("'{}' is not an IPv6 address", address));
  }
  return result;
}

Endpoint parse_ipv4(std::string_view whole, std::string_view host) {
  Endpoint result;
  result.family = Endpoint::Family::ipv4;
  if (host.empty() || host == "*") return result;
  const std::string address(host == "localhost" ? "127.0.0.1" : host);
  if (inet_pton(AF_INET, address.c_str(), result.address.data()) != 1) {
    refuse(whole, fmt::format("'{}' is not an IPv4 address (names are not looked up)", host));
  }
  return result;
}

Endpoint parse_unix(std::string_view whole, std::string_view path) {
  if (path.empty()) refuse(whole, "the path is missing");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    refuse(whole,
           fmt::format("the path is longer than {} bytes", sizeof(sockaddr_un::sun_path) - 1));
  }
  Endpoint result;
  result.family = Endpoint::Family::unix_socket;
  result.path = path;
  return result;
}

}  // namespace

Endpoint Endpoint::parse(std::string_view text) {
  constexpr std::string_view unix_prefix = "unix:";
  if (text.starts_with(unix_prefix)) return parse_unix(text, text.substr(unix_prefix.size()));
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) refuse(text, "the port is missing");
  const std::string_view host = text.substr(0, colon);
  Endpoint result;
  if (host.starts_with('[') && host.ends_with(']')) {
    result = parse_ipv6(text, host.substr(1, host.size() - 2));
  } else if (host.find(':') != std::string_view::npos) {
    refuse(text, "an IPv6 address goes in brackets");
  } else {
    result = parse_ipv4(text, host);
  }
  result.port = parse_port(text, text.substr(colon + 1));
  return result;
}

std::string Endpoint::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  switch (family) {
    case Family::ipv4:
      inet_ntop(AF_INET, address.data(), buffer, sizeof buffer);
      return fmt::format("{}:{}", buffer, port);
    case Family::ipv6: {
      inet_ntop(AF_INET6, address.data(), buffer, sizeof buffer);
      const std::string scope_text = scope == 0 ? "" : fmt::format("%{}", scope);
      return fmt::format("[{}{}]:{}", buffer, scope_text, port);
    }
    case Family::unix_socket: return "unix:" + path;
    case Family::none: break;
  }
  return "nowhere";
}

}  // namespace weir
