#include "base/ip_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace weir::base {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// The sixteen-bit groups of an IPv6 address as they stand in a text: at most eight, and perhaps a
/// gap, "::", before one of them (RFC 4291, section 2.2).
class Groups {
 public:
  bool read(std::string_view text) noexcept;
  void write(std::uint8_t* address) const noexcept;

 private:
  static constexpr std::size_t most = 8;

  bool read_group(std::string_view& text) noexcept;
  bool add(unsigned value) noexcept {
    if (count_ == most) return false;
    values_[count_++] = static_cast<std::uint16_t>(value);
    return true;
  }

  std::array<std::uint16_t, most> values_{};
  std::size_t count_ = 0;
  std::size_t gap_ = most + 1;  // Before which group; beyond all: there is none.
};

// One group from the front; or two, when the rest is an IPv4 address.
bool Groups::read_group(std::string_view& text) noexcept {
  const auto digits = static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_hex_digit) - text.begin());
  if (digits < text.size() && text[digits] == '.') {
    std::uint8_t ipv4[4];
    if (!read_ipv4(text, ipv4)) return false;
    text = {};
    return add(unsigned{ipv4[0]} << 8 | ipv4[1]) && add(unsigned{ipv4[2]} << 8 | ipv4[3]);
  }
  if (digits == 0 || digits > 4) return false;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + digits, value, 16);
  text.remove_prefix(digits);
  return add(value);
}

bool Groups::read(std::string_view text) noexcept {
  const bool begins_with_gap = text.starts_with("::");
  if (begins_with_gap) {
    gap_ = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (!read_group(text)) return false;
    if (text.empty()) break;
    if (text.front() != ':') return false;
    text.remove_prefix(1);
    if (text.empty()) return false;
    if (text.front() != ':') continue;
    if (gap_ <= most) return false;
    gap_ = count_;
    text.remove_prefix(1);
  }
  // A gap stands for one group at least.
  return gap_ <= most ? count_ < most : count_ == most;
}

void Groups::write(std::uint8_t* address) const noexcept {
  std::fill_n(address, 2 * most, std::uint8_t{0});
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t at = i < gap_ ? i : i + most - count_;
    address[2 * at] = static_cast<std::uint8_t>(values_[i] >> 8);
    address[2 * at + 1] = static_cast<std::uint8_t>(values_[i] & 0xff);
  }
}

}  // namespace

bool read_ipv4(std::string_view text, std::uint8_t* address) noexcept {
  std::uint8_t bytes[4];
  for (std::uint8_t& byte : bytes) {
    const auto digits = static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
    if (digits == 0 || digits > 3 || (digits > 1 && text.front() == '0')) return false;
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + digits, value);
    if (value > 255) return false;
    byte = static_cast<std::uint8_t>(value);
    text.remove_prefix(digits);
    const bool is_last = &byte == &bytes[3];
    if (is_last != text.empty() || (!is_last && text.front() != '.')) return false;
    if (!is_last) text.remove_prefix(1);
  }
  std::copy_n(bytes, 4, address);
  return true;
}

bool read_ipv6(std::string_view text, std::uint8_t* address) noexcept {
  Groups groups;
  if (!groups.read(text)) return false;
  groups.write(address);
  return true;
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return result;
}

}  // namespace weir::base
