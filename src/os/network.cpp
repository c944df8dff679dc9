// network.cpp - the text forms of a Network, and what it contains.
#include <weir/network.h>

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <weir/error.h>

#include "base/ip_text.h"

namespace weir {
namespace {

using Bytes = std::array<std::uint8_t, 16>;
using Family = Endpoint::Family;

constexpr std::string_view every_unix_socket = "unix:";
constexpr Bytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t mapped_bytes = 12;

bool is_mapped(const Bytes& address) noexcept {
  return std::equal(mapped.begin(), mapped.begin() + mapped_bytes, address.begin());
}

Bytes unmapped(const Bytes& address) noexcept {
  Bytes ipv4{};
  std::copy(address.begin() + mapped_bytes, address.end(), ipv4.begin());
  return ipv4;
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw StartError(
      fmt::format("bad network '{}': {}; write 10.0.0.0/8, 192.0.2.7, 2001:db8::/32 "
                  "or ::1",
                  base::printable(text), why));
}

// The address with everything behind its first `prefix` bits cleared.
Bytes masked(Bytes address, unsigned prefix) noexcept {
  for (unsigned byte = 0; byte < address.size(); ++byte) {
    const unsigned begin = byte * 8;
    if (prefix >= begin + 8) continue;
    const unsigned kept = prefix > begin ? prefix - begin : 0;
    address[byte] &= static_cast<std::uint8_t>(0xff00u >> kept);
  }
  return address;
}

bool agree(const Bytes& one, const Bytes& other, unsigned prefix) noexcept {
  const unsigned whole = prefix / 8, rest = prefix % 8;
  if (!std::equal(one.begin(), one.begin() + whole, other.begin())) return false;
  return rest == 0 || ((one[whole] ^ other[whole]) & (0xff00u >> rest) & 0xffu) == 0;
}

std::uint8_t parse_prefix(std::string_view whole, std::string_view text, unsigned most) {
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || prefix > most) {
    refuse(whole,
           fmt::format("'{}' is not a prefix length from 0 to {}", base::printable(text), most));
  }
  return static_cast<std::uint8_t>(prefix);
}

}  // namespace

Network Network::parse(std::string_view text) {
  Network result;
  if (text == every_unix_socket) {
    result.family = Family::unix_socket;
    return result;
  }
  const auto slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  if (base::read_ipv4(address, result.address.data())) {
    result.family = Family::ipv4;
  } else if (base::read_ipv6(address, result.address.data())) {
    result.family = Family::ipv6;
  } else {
    refuse(text, fmt::format("'{}' is not an IPv4 or IPv6 address", base::printable(address)));
  }
  const unsigned most = result.family == Family::ipv4 ? 32 : 128;
  result.prefix = static_cast<std::uint8_t>(most);
  if (slash != std::string_view::npos) {
    result.prefix = parse_prefix(text, text.substr(slash + 1), most);
  }
  const Bytes first = masked(result.address, result.prefix);
  if (first != result.address) {
    result.address = first;
    refuse(text, fmt::format("it has bits set behind the first {}; the network is {}",
                             result.prefix, result.text()));
  }
  if (result.family == Family::ipv6 && is_mapped(result.address)) {
    result.family = Family::ipv4;
    result.address = unmapped(result.address);
    result.prefix = static_cast<std::uint8_t>(result.prefix - 8 * mapped_bytes);
  }
  return result;
}

std::string Network::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  switch (family) {
    case Family::ipv4: inet_ntop(AF_INET, address.data(), buffer, sizeof buffer); break;
    case Family::ipv6: inet_ntop(AF_INET6, address.data(), buffer, sizeof buffer); break;
    case Family::unix_socket: return std::string(every_unix_socket);
    case Family::none: return "nobody";
  }
  const unsigned most = family == Family::ipv4 ? 32 : 128;
  return prefix == most ? buffer : fmt::format("{}/{}", buffer, prefix);
}

bool Network::contains(const Endpoint& endpoint) const noexcept {
  if (endpoint.family == Family::ipv6 && is_mapped(endpoint.address)) {
    return family == Family::ipv4 && agree(address, unmapped(endpoint.address), prefix);
  }
  if (family == Family::none || endpoint.family != family) return false;
  return family == Family::unix_socket || agree(address, endpoint.address, prefix);
}

}  // namespace weir
