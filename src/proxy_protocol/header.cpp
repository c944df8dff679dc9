#include "proxy_protocol/header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/ip_text.h"
#include "proxy_protocol/crc32c.h"

namespace weir::proxy_protocol {
namespace {

using Family = Endpoint::Family;

Reading invalid(const char* why) noexcept { return {Reading::State::invalid, 0, why}; }
Reading whole(std::size_t size) noexcept { return {Reading::State::whole, size, ""}; }

// --- version 1: a line of text ---------------------------------------------------------------

constexpr std::string_view line_start = "PROXY ";

// One number of a line: decimal, without leading zeros.
std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  if (text.size() > 1 && text.front() == '0') return {};
  return port;
}

bool read_endpoint(Family family, std::string_view address, std::string_view port,
                   Endpoint& endpoint) noexcept {
  endpoint.family = family;
  const bool is_address = family == Family::ipv4
                              ? base::read_ipv4(address, endpoint.address.data())
                              : base::read_ipv6(address, endpoint.address.data());
  const auto number = read_port(port);
  endpoint.port = number.value_or(0);
  return is_address && number.has_value();
}

// "TCP4 192.0.2.1 192.0.2.2 1111 80", with exactly one space between two words.
const char* read_words(std::string_view text, Header& header) noexcept {
  std::array<std::string_view, 5> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t space = text.find(' ');
    const bool is_last = i + 1 == words.size();
    if (is_last != (space == std::string_view::npos)) return "a line of other than six words";
    words[i] = text.substr(0, space);
    text.remove_prefix(is_last ? text.size() : space + 1);
  }
  const auto& [protocol, from, to, from_port, to_port] = words;
  if (protocol != "TCP4" && protocol != "TCP6") return "neither TCP4, TCP6 nor UNKNOWN";
  const Family family = protocol == "TCP4" ? Family::ipv4 : Family::ipv6;
  if (!read_endpoint(family, from, from_port, header.peer) ||
      !read_endpoint(family, to, to_port, header.local)) {
    return "an address or a port that is none";
  }
  header.of = Header::Of::client;
  return nullptr;
}

Reading read_line(std::string_view bytes, Header& header) noexcept {
  constexpr std::string_view unknown = "UNKNOWN";
  const std::size_t end = bytes.substr(0, longest_line).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() < longest_line) return {};
    return invalid("a line that does not end within 107 bytes");
  }
  const std::string_view text = bytes.substr(line_start.size(), end - line_start.size());
  header = {};
  if (text == unknown || (text.starts_with(unknown) && text[unknown.size()] == ' ')) {
    header.of = Header::Of::unknown;  // Whatever else stands there is to be ignored.
  } else if (const char* why = read_words(text, header)) {
    return invalid(why);
  }
  return whole(end + 2);
}

// --- version 2: binary -----------------------------------------------------------------------

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_size = 16;
constexpr std::size_t path_size = 108;

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<unsigned char>(bytes[at]);
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// The addresses that the block begins with, source before destination, then their ports. Requires:
// the block is that long.
void read_addresses(std::string_view block, Family family, std::size_t size, Header& header) {
  Endpoint* const ends[] = {&header.peer, &header.local};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view address = block.substr(i * size, size);
    ends[i]->family = family;
    if (family == Family::unix_socket) {
      ends[i]->path = address.substr(0, address.find('\0'));
      continue;
    }
    std::ranges::transform(address, ends[i]->address.begin(),
                           [](char c) { return static_cast<std::uint8_t>(c); });
    ends[i]->port = number_at(block, 2 * size + 2 * i);
  }
}

bool checksum_holds(std::string_view bytes, std::size_t at) noexcept {
  constexpr std::string_view zero("\0\0\0\0", 4);
  std::uint32_t value = crc32c(bytes.substr(0, at));
  value = crc32c(zero, value);
  value = crc32c(bytes.substr(at + zero.size()), value);
  return value == (std::uint32_t{number_at(bytes, at)} << 16 | number_at(bytes, at + 2));
}

// What follows the addresses: type, length, value, again and again, to the header's last byte.
const char* check_tlvs(std::string_view bytes, std::size_t at) noexcept {
  constexpr unsigned type_crc32c = 0x03;
  bool checked = false;
  while (at < bytes.size()) {
    if (bytes.size() - at < 3) return "a TLV without a length";
    const unsigned type = byte_at(bytes, at);
    const std::size_t length = number_at(bytes, at + 1);
    at += 3;
    if (bytes.size() - at < length) return "a TLV that is longer than the header";
    if (type == type_crc32c) {
      if (length != 4 || checked) return "a checksum of another size, or a second one";
      if (!checksum_holds(bytes, at)) return "a wrong checksum";
      checked = true;
    }
    at += length;
  }
  return nullptr;
}

struct AddressKind {
  Family family;
  std::size_t size;        // Of one address.
  std::size_t block_size;  // Of both, and of the ports where there are any.
};

constexpr AddressKind kinds[] = {{Family::none, 0, 0},
                                 {Family::ipv4, 4, 2 * 4 + 4},
                                 {Family::ipv6, 16, 2 * 16 + 4},
                                 {Family::unix_socket, path_size, 2 * path_size}};

// All of a header, behind its fixed part: addresses, then TLVs.
Reading read_block(std::string_view bytes, Header& header) {
  constexpr unsigned unspecified = 0, stream = 1, datagram = 2;
  const unsigned family = byte_at(bytes, 13) >> 4, protocol = byte_at(bytes, 13) & 15;
  if (family >= std::size(kinds) || protocol > datagram) return invalid("another family");
  header.of = Header::Of::unknown;
  // Without both of them nobody can say what stands there, and it is skipped.
  if (family == unspecified || protocol == unspecified) return whole(bytes.size());
  const AddressKind& kind = kinds[family];
  if (bytes.size() < fixed_size + kind.block_size) return invalid("addresses that are cut off");
  if (const char* why = check_tlvs(bytes, fixed_size + kind.block_size)) return invalid(why);
  if (protocol == stream) {
    read_addresses(bytes.substr(fixed_size), kind.family, kind.size, header);
    header.of = Header::Of::client;
  }
  return whole(bytes.size());
}

Reading read_binary(std::string_view bytes, Header& header) {
  constexpr unsigned version = 2, local = 0, proxy = 1;
  if (bytes.size() > 12 && byte_at(bytes, 12) >> 4 != version) return invalid("another version");
  if (bytes.size() > 12 && (byte_at(bytes, 12) & 15) > proxy) return invalid("another command");
  if (bytes.size() < fixed_size) return {};
  const std::size_t size = fixed_size + number_at(bytes, 14);
  if (size > longest_header) return invalid("a header of more than 4096 bytes");
  if (bytes.size() < size) return {};
  header = {};
  // Of the proxy's own connection nothing is used, whatever it says: it is skipped.
  if ((byte_at(bytes, 12) & 15) == local) return whole(size);
  return read_block(bytes.substr(0, size), header);
}

// Whether the bytes begin as a header does, as far as they go.
bool begin_with(std::string_view start, std::string_view bytes) noexcept {
  return bytes.starts_with(start.substr(0, bytes.size()));
}

}  // namespace

Reading read(std::string_view bytes, Header& header) {
  const bool text = begin_with(line_start, bytes), binary = begin_with(signature, bytes);
  if (!text && !binary) return invalid("neither \"PROXY \" nor the signature of version 2");
  if (text && bytes.size() >= line_start.size()) return read_line(bytes, header);
  if (binary && bytes.size() >= signature.size()) return read_binary(bytes, header);
  return {};
}

}  // namespace weir::proxy_protocol
