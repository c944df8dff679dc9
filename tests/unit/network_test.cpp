// network_test.cpp - ranges of addresses: from text and back, and what they contain.
#include <weir/network.h>

#include <gtest/gtest.h>

#include <string>

#include <weir/error.h>

namespace {

using weir::Endpoint;
using weir::Network;
using Family = Endpoint::Family;

bool contains(const char* network, const char* endpoint) {
  return Network::parse(network).contains(Endpoint::parse(endpoint));
}

std::string complaint(std::string_view text) {
  try {
    Network::parse(text);
  } catch (const weir::StartError& error) { return error.what(); }
  return "";
}

TEST(Network, Reads_its_text_forms_and_writes_them) {
  for (const char* text : {"10.0.0.0/8", "192.0.2.7", "0.0.0.0/0", "128.0.0.0/1", "2001:db8::/32",
                           "::1", "::/0", "fe80::/10", "unix:"}) {
    EXPECT_EQ(Network::parse(text).text(), text);
  }
  EXPECT_EQ(Network::parse("192.0.2.7/32").text(), "192.0.2.7");
  EXPECT_EQ(Network::parse("2001:DB8:0::/32").text(), "2001:db8::/32");
  EXPECT_EQ(Network().text(), "nobody");
}

TEST(Network, Takes_IPv4_that_is_written_as_IPv6_for_IPv4) {
  EXPECT_EQ(Network::parse("::ffff:10.0.0.0/104"), Network::parse("10.0.0.0/8"));
  EXPECT_EQ(Network::parse("::ffff:0:0/96"), Network::parse("0.0.0.0/0"));
  EXPECT_EQ(Network::parse("::ffff:192.0.2.7"), Network::parse("192.0.2.7"));
}

TEST(Network, Contains_the_addresses_that_share_its_prefix) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.255.255:1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0:1"));
  EXPECT_TRUE(contains("10.32.0.0/11", "10.63.1.1:1"));
  EXPECT_FALSE(contains("10.32.0.0/11", "10.64.0.0:1"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7:1"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6:1"));
  EXPECT_TRUE(contains("0.0.0.0/0", "255.255.255.255:1"));
  EXPECT_TRUE(contains("2001:db8::/33", "[2001:db8:7fff::1]:1"));
  EXPECT_FALSE(contains("2001:db8::/33", "[2001:db8:8000::1]:1"));
  EXPECT_TRUE(contains("::1", "[::1]:1"));
  EXPECT_FALSE(contains("::1", "[::2]:1"));
}

TEST(Network, Contains_addresses_of_its_own_family_only) {
  EXPECT_FALSE(contains("::/0", "10.0.0.1:1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "[2001:db8::1]:1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "unix:/run/echo.sock"));
  EXPECT_TRUE(contains("unix:", "unix:/run/echo.sock"));
  EXPECT_FALSE(contains("unix:", "10.0.0.1:1"));
  EXPECT_FALSE(Network::parse("0.0.0.0/0").contains(Endpoint()));
  EXPECT_FALSE(Network().contains(Endpoint()));
}

TEST(Network, Takes_an_IPv4_client_of_a_dual_stack_listener_for_what_he_is) {
  EXPECT_TRUE(contains("10.0.0.0/8", "[::ffff:10.1.2.3]:1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "[::ffff:11.1.2.3]:1"));
  EXPECT_FALSE(contains("::/0", "[::ffff:10.1.2.3]:1"));
}

// An independent way to the same answer: one bit after the other.
TEST(Network, Agrees_with_a_comparison_bit_by_bit) {
  const auto bit = [](const auto& address, unsigned at) {
    return address[at / 8] >> (7 - at % 8) & 1;
  };
  const Endpoint base = Endpoint::parse("[2001:db8:a5a5:5a5a:c3c3:3c3c:9696:6969]:1");
  for (unsigned prefix = 0; prefix <= 128; ++prefix) {
    Network network{Family::ipv6, static_cast<std::uint8_t>(prefix), base.address};
    for (unsigned flipped = 0; flipped < 128; ++flipped) {
      Endpoint other = base;
      other.address[flipped / 8] ^= static_cast<std::uint8_t>(0x80u >> (flipped % 8));
      bool agrees = true;
      for (unsigned at = 0; at < prefix; ++at) {
        agrees = agrees && bit(base.address, at) == bit(other.address, at);
      }
      ASSERT_EQ(network.contains(other), agrees) << prefix << " bits, bit " << flipped;
    }
    EXPECT_TRUE(network.contains(base));
  }
}

TEST(Network, Says_in_one_line_what_is_wrong) {
  EXPECT_NE(
      complaint("10.1.2.3/8").find("bits set behind the first 8; the network is 10.0.0.0/8"),
      std::string::npos)
      << complaint("10.1.2.3/8");
  EXPECT_NE(complaint("2001:db8::1/64").find("the network is 2001:db8::/64"), std::string::npos);
  EXPECT_NE(complaint("10.0.0.0/33").find("'33' is not a prefix length from 0 to 32"),
            std::string::npos);
  EXPECT_NE(complaint("::/129").find("from 0 to 128"), std::string::npos);
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "/8"sv, "10.0.0.0/"sv, "10.0.0.0/8/8"sv, "10.0.0.0/-1"sv, "10.0.0.0/ 8"sv,
        "10.0.0/8"sv, "010.0.0.1"sv, "localhost"sv, "[::1]"sv, "::1%lo"sv, "10.0.0.1:80"sv,
        "1.2.3.4\0"sv, "::ffff:0:0/95"sv, "10.0.0.0/8\n"sv, "unix:/run/x"sv}) {
    const std::string said = complaint(text);
    EXPECT_TRUE(said.starts_with("bad network '")) << text << ": " << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
}

}  // namespace
