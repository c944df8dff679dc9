// PROXY headers: vectors written from the specification, known attacks, every way to cut a header,
// and a million that are damaged at random.
#include "proxy_protocol/header.h"

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/prng.h"
#include "proxy_protocol/crc32c.h"

namespace weir::proxy_protocol {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using State = Reading::State;

// From memory of exactly that size, so that AddressSanitizer sees a step too far.
Reading read_exactly(std::string_view bytes, Header& header) {
  const auto copy = std::make_unique<char[]>(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return read({copy.get(), bytes.size()}, header);
}

Reading reading_of(std::string_view bytes) {
  Header header;
  return read_exactly(bytes, header);
}

std::string two_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

constexpr std::string_view signature = "\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A"sv;

std::string binary(unsigned version_command, unsigned family, std::string_view block) {
  return std::string(signature) + static_cast<char>(version_command) + static_cast<char>(family) +
         two_bytes(block.size()) + std::string(block);
}

std::string tlv(unsigned type, std::string_view value) {
  return static_cast<char>(type) + two_bytes(value.size()) + std::string(value);
}

const std::string ipv4_block = "\xC0\x00\x02\x01\xC6\x33\x64\x02\x04\x57\x01\xBB"s;
const std::string ipv6_block =
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x02\xFF\xFF\x00\x50"s;

std::string unix_block(std::string from, std::string to) {
  from.resize(108);
  to.resize(108);
  return from + to;
}

/// The header with the checksum that belongs into it.
std::string with_checksum(std::string block) {
  const std::string header = binary(0x21, 0x11, block + tlv(3, "\0\0\0\0"sv));
  const std::uint32_t sum = crc32c(header);
  return header.substr(0, header.size() - 4) + two_bytes(sum >> 16) + two_bytes(sum & 0xffff);
}

/// Whole headers of every kind, and who the client is.
struct Vector {
  std::string bytes;
  Header::Of of;
  std::string peer;
  std::string local;
};

std::vector<Vector> vectors() {
  using Of = Header::Of;
  const std::string nobody = "nowhere";
  return {
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Of::client,
       "255.255.255.255:65535", "255.255.255.255:65535"},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1111 443\r\n", Of::client, "192.0.2.1:1111",
       "198.51.100.2:443"},
      {"PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n", Of::client, "[2001:db8::1]:0",
       "[2001:db8::2]:65535"},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       Of::client, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
      {"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", Of::client, "[::ffff:192.0.2.1]:1", "[::1]:2"},
      {"PROXY UNKNOWN\r\n", Of::unknown, nobody, nobody},
      // The longest line there is, with what the sender could not name.
      {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       Of::unknown, nobody, nobody},
      {"PROXY UNKNOWN what ever \x01\n\r stands here\r\n", Of::unknown, nobody, nobody},
      {binary(0x20, 0x00, ""), Of::proxy, nobody, nobody},
      {binary(0x20, 0x11, ipv4_block), Of::proxy, nobody, nobody},
      {binary(0x20, 0x00, tlv(4, "padding")), Of::proxy, nobody, nobody},
      {binary(0x20, 0x77, "neither addresses nor TLVs"), Of::proxy, nobody, nobody},
      {binary(0x21, 0x00, ""), Of::unknown, nobody, nobody},
      {binary(0x21, 0x00, "\xFF\xFF\xFF"), Of::unknown, nobody, nobody},
      // Datagrams, and what is half unspecified: to be taken as unspecified.
      {binary(0x21, 0x12, ipv4_block), Of::unknown, nobody, nobody},
      {binary(0x21, 0x22, ipv6_block), Of::unknown, nobody, nobody},
      {binary(0x21, 0x32, unix_block("a", "b")), Of::unknown, nobody, nobody},
      {binary(0x21, 0x10, "\xFF"), Of::unknown, nobody, nobody},
      {binary(0x21, 0x01, ""), Of::unknown, nobody, nobody},
      {binary(0x21, 0x11, ipv4_block), Of::client, "192.0.2.1:1111", "198.51.100.2:443"},
      {binary(0x21, 0x21, ipv6_block), Of::client, "[2001:db8::1]:65535", "[2001:db8::2]:80"},
      {binary(0x21, 0x31, unix_block("/run/from", "/run/to")), Of::client, "unix:/run/from",
       "unix:/run/to"},
      {binary(0x21, 0x31, unix_block(std::string(108, 'f'), "")), Of::client,
       "unix:" + std::string(108, 'f'), "unix:"},
      {binary(0x21, 0x11, ipv4_block + tlv(1, "h2") + tlv(2, "example.org") + tlv(4, "")),
       Of::client, "192.0.2.1:1111", "198.51.100.2:443"},
      // PP2_TYPE_SSL, with TLVs of its own inside.
      {binary(0x21, 0x11, ipv4_block + tlv(0x20, "\x07\0\0\0\0"s + tlv(0x21, "TLSv1.3"))),
       Of::client, "192.0.2.1:1111", "198.51.100.2:443"},
      {with_checksum(ipv4_block), Of::client, "192.0.2.1:1111", "198.51.100.2:443"},
      {with_checksum(ipv4_block + tlv(2, "example.org")), Of::client, "192.0.2.1:1111",
       "198.51.100.2:443"},
      {binary(0x21, 0x11, ipv4_block + tlv(4, std::string(4096 - 16 - 12 - 3, '\0'))), Of::client,
       "192.0.2.1:1111", "198.51.100.2:443"},
  };
}

TEST(Crc32c, Comes_to_what_RFC_3720_says) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283U);
}

TEST(ProxyHeader, Is_read_as_the_specification_has_it) {
  for (const Vector& vector : vectors()) {
    Header header;
    const Reading reading = read_exactly(vector.bytes, header);
    EXPECT_EQ(reading.state, State::whole) << vector.bytes << reading.why;
    EXPECT_EQ(reading.size, vector.bytes.size()) << vector.bytes;
    EXPECT_EQ(header.of, vector.of) << vector.bytes;
    EXPECT_EQ(header.peer.text(), vector.peer) << vector.bytes;
    EXPECT_EQ(header.local.text(), vector.local) << vector.bytes;
  }
}

TEST(ProxyHeader, Ends_where_it_ends_whatever_follows) {
  for (const Vector& vector : vectors()) {
    for (const std::string_view more : {"x"sv, "\r\n"sv, "PROXY UNKNOWN\r\n"sv, signature}) {
      const Reading reading = reading_of(vector.bytes + std::string(more));
      EXPECT_EQ(reading.state, State::whole) << vector.bytes;
      EXPECT_EQ(reading.size, vector.bytes.size()) << vector.bytes;
    }
  }
}

TEST(ProxyHeader, Is_incomplete_wherever_it_is_cut) {
  for (const Vector& vector : vectors()) {
    for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
      const Reading reading = reading_of(std::string_view(vector.bytes).substr(0, size));
      ASSERT_EQ(reading.state, State::incomplete) << size << " bytes of " << vector.bytes;
    }
  }
}

std::vector<std::string> bad_lines() {
  return {
      "x",
      "GET / HTTP/1.1\r\n",
      "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
      "PROXX",
      "\r\n\r\nx",
      "PROXY\r\n",
      "PROXY \r\n",
      "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
      "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
      "PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n",
      "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
      "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
      "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
      "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
      "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
      "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
      "PROXY TCP4 localhost 192.0.2.2 1 2\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 1 0x2\r\n",
      "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"s,
      "PROXY UNKNOWNX\r\n",
      "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
      // A line without an end: over at 107 bytes, whatever follows.
      "PROXY UNKNOWN " + std::string(107 - 14, ' '),
      "PROXY UNKNOWN " + std::string(107 - 14 - 1, ' ') + "\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" + std::string(80, 'x'),
  };
}

std::vector<std::string> bad_binaries() {
  return {
      // The 16 bytes that brought servers down: IPv4 addresses of no bytes.
      std::string(signature) + "\x21\x11\x00\x00"s,
      std::string(signature) + "\x21\x12\x00\x00"s,
      std::string(signature) + "\x21\x21\x00\x00"s,
      std::string(signature) + "\x21\x31\x00\x00"s,
      binary(0x21, 0x11, ipv4_block.substr(0, 11)),
      binary(0x21, 0x21, ipv6_block.substr(0, 35)),
      binary(0x21, 0x31, unix_block("", "").substr(0, 215)),
      std::string(signature) + "\x11"s,
      std::string(signature) + "\x31"s,
      std::string(signature) + "\x22"s,
      std::string(signature) + "\x2f"s,
      // Families and protocols that the specification does not know.
      binary(0x21, 0x41, ipv4_block),
      binary(0x21, 0x13, ipv4_block),
      binary(0x21, 0xff, ""),
      binary(0x21, 0x12, ipv4_block + "\x01"s),
      // Longer than we read, said in the first 16 bytes.
      std::string(signature) + "\x21\x11\xff\xff"s,
      std::string(signature) + "\x20\x00\x0f\xf1"s,
      // TLVs that reach beyond the end, or do not reach it.
      binary(0x21, 0x11, ipv4_block + "\x01"s),
      binary(0x21, 0x11, ipv4_block + "\x01\x00"s),
      binary(0x21, 0x11, ipv4_block + "\x01\x00\x01"s),
      binary(0x21, 0x11, ipv4_block + "\x01\xff\xff"s),
      binary(0x21, 0x11, ipv4_block + tlv(1, "h2") + "\x02\x00\x0b" + "example.or"),
      binary(0x21, 0x11, ipv4_block + tlv(3, "\0\0\0\0"sv)),
      binary(0x21, 0x11, ipv4_block + tlv(3, "\0\0\0"sv)),
      binary(0x21, 0x11, ipv4_block + tlv(3, "\0\0\0\0\0"sv)),
      with_checksum(ipv4_block + tlv(3, "\0\0\0\0"sv)),
  };
}

TEST(ProxyHeader, Is_nothing_else) {
  for (const std::vector<std::string>& bad : {bad_lines(), bad_binaries()}) {
    for (const std::string& bytes : bad) {
      const Reading reading = reading_of(bytes);
      EXPECT_EQ(reading.state, State::invalid) << bytes;
      EXPECT_STRNE(reading.why, "") << bytes;
    }
  }
}

TEST(ProxyHeader, Is_refused_when_any_bit_of_a_checked_one_is_wrong) {
  const std::string right = with_checksum(ipv4_block + tlv(2, "example.org"));
  // From the addresses on: before them a bit makes another header of it.
  for (std::size_t bit = 16 * 8; bit < right.size() * 8; ++bit) {
    std::string wrong = right;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
    Header header;
    const Reading reading = read_exactly(wrong, header);
    // The type of the checksum itself, or a length before it, can hide it; nothing else can.
    const std::size_t at = bit / 8;
    const bool hides = (at >= 28 && at <= 30) || at == right.size() - 7;
    EXPECT_TRUE(hides || reading.state == State::invalid) << "bit " << bit;
  }
}

// Damage of every kind: what matters is that nothing is read beyond the bytes (AddressSanitizer
// watches), that a verdict stays when more bytes come, and that a header is never longer than they.
TEST(ProxyHeader, Survives_a_million_that_are_damaged) {
  base::Prng chance(20'250'722);
  const std::vector<Vector> seeds = vectors();
  std::size_t counts[3] = {};
  for (int round = 0; round < 1'000'000; ++round) {
    std::string bytes =
        seeds[chance.below(seeds.size() - 1)].bytes;  // Not the longest each time.
    for (std::uint64_t damages = 1 + chance.below(4); damages > 0 && !bytes.empty(); --damages) {
      const std::size_t at = chance.below(bytes.size());
      switch (chance.below(5)) {
        case 0: bytes[at] = static_cast<char>(chance.below(256)); break;
        case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << chance.below(8))); break;
        case 2: bytes.erase(at, 1 + chance.below(4)); break;
        case 3:
          bytes.insert(at, 1 + chance.below(20), static_cast<char>(chance.below(256)));
          break;
        default: bytes.resize(at);
      }
    }
    Header header;
    const Reading reading = read_exactly(bytes, header);
    ++counts[static_cast<std::size_t>(reading.state)];
    ASSERT_LE(reading.size, bytes.size());
    const std::size_t cut = chance.below(bytes.size() + 1);
    const Reading earlier = reading_of(std::string_view(bytes).substr(0, cut));
    if (earlier.state == State::incomplete) continue;
    ASSERT_EQ(earlier.state, reading.state) << "after " << cut << " bytes of " << bytes;
    ASSERT_EQ(earlier.size, reading.size);
  }
  // All three come up, so that all of it was tried.
  for (const std::size_t count : counts) EXPECT_GT(count, 50'000U);
}

}  // namespace
}  // namespace weir::proxy_protocol
