// network.h - a range of addresses: who may come, who may not, whose word is taken.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <weir/endpoint.h>

namespace weir {

/// The addresses that share their first `prefix` bits (CIDR, RFC 4632; IPv6: RFC 4291). A plain
/// value.
///
/// Text forms, read by parse() and written by text():
///     10.0.0.0/8   192.0.2.7   2001:db8::/32   ::1   unix: (every unix socket)
struct Network {
  /// ipv4 or ipv6; unix_socket: every peer of a unix socket. `none` holds nobody.
  Endpoint::Family family = Endpoint::Family::none;
  std::uint8_t prefix = 0;                 ///< to 32, or 128
  std::array<std::uint8_t, 16> address{};  ///< in network order; IPv4 uses the first four

  /// An address alone is the network of that address only. IPv4 written as IPv6
  /// (::ffff:10.0.0.0/104) is the IPv4 network. Throws StartError with one line for what is no
  /// network, and for one whose address has bits behind the prefix, which is mostly a slip.
  static Network parse(std::string_view text);
  std::string text() const;

  /// An IPv4 client of a dual-stack listener (::ffff:10.0.0.1, RFC 4291, section 2.5.5.2) is an
  /// IPv4 client: 10.0.0.0/8 contains it, ::/0 does not.
  bool contains(const Endpoint& endpoint) const noexcept;

  bool operator==(const Network&) const = default;
};

}  // namespace weir
