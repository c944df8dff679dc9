// endpoint.h - an address to listen on or to connect to.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// An IPv4, IPv6 or unix-socket address. A plain value.
///
/// Text forms, read by parse() and written by text():
///     127.0.0.1:7000    [::1]:7000    [fe80::1%2]:7000    unix:/run/echo.sock
///     *:7000 or :7000 (every IPv4 address)   [::]:7000   localhost:7000   (parse only)
/// Names are not looked up: DNS blocks, and a server listens on addresses.
struct Endpoint {
  /// Compilers define `unix` as a macro unless told to keep to the standard.
  enum class Family : std::uint8_t { none, ipv4, ipv6, unix_socket };

  Family family = Family::none;
  std::uint16_t port = 0;                  ///< in host order; 0 = the kernel chooses
  std::uint32_t scope = 0;                 ///< IPv6 only: the interface's index
  std::array<std::uint8_t, 16> address{};  ///< in network order; IPv4 uses the first four
  std::string path;                        ///< unix_socket only

  /// Throws StartError with one line that says what is wrong and shows the forms above.
  static Endpoint parse(std::string_view text);
  std::string text() const;

  bool operator==(const Endpoint&) const = default;
};

}  // namespace weir
