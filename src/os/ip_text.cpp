#include "os/ip_text.h"

#include <arpa/inet.h>

#include <cstring>

namespace weir::os {
namespace {

bool read_address(int family, std::string_view text, void* address) noexcept {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return inet_pton(family, copy, address) == 1;
}

}  // namespace

bool read_ipv4(std::string_view text, std::uint8_t* address) noexcept {
  return read_address(AF_INET, text, address);
}

bool read_ipv6(std::string_view text, std::uint8_t* address) noexcept {
  return read_address(AF_INET6, text, address);
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return result;
}

}  // namespace weir::os
