// ip_text.h - addresses without their ports, from text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::base {

/// Read an address into 4 or 16 bytes in network order; false: it is none, and nothing was written.
/// As inet_pton(3), which a simulation must not call: names, scopes and leading zeros are refused.
bool read_ipv4(std::string_view text, std::uint8_t* address) noexcept;
bool read_ipv6(std::string_view text, std::uint8_t* address) noexcept;

/// For a message that stays one line, whatever the text holds.
std::string printable(std::string_view text);

}  // namespace weir::base
