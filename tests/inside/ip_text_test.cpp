// Addresses from text: the same as inet_pton(3), for whatever text.
#include "base/ip_text.h"

#include <arpa/inet.h>

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/prng.h"

namespace weir::base {
namespace {

using Address = std::array<std::uint8_t, 16>;

void expect_the_same(const std::string& text) {
  for (const bool ipv6 : {false, true}) {
    Address ours, theirs;
    ours.fill(0x55);
    theirs.fill(0x55);
    const bool is_ours = ipv6 ? read_ipv6(text, ours.data()) : read_ipv4(text, ours.data());
    const bool is_theirs = inet_pton(ipv6 ? AF_INET6 : AF_INET, text.c_str(), theirs.data()) == 1;
    ASSERT_EQ(is_ours, is_theirs) << (ipv6 ? "IPv6: '" : "IPv4: '") << text << "'";
    if (is_ours) {
      ASSERT_EQ(ours, theirs) << text;
    } else {
      ASSERT_EQ(ours[0], 0x55) << "nothing was to be written: " << text;
    }
  }
}

const std::vector<std::string> samples{"",
                                       "0.0.0.0",
                                       "255.255.255.255",
                                       "1.2.3.4",
                                       "01.2.3.4",
                                       "1.2.3",
                                       "1.2.3.4.",
                                       "1.2.3.256",
                                       "1..3.4",
                                       "::",
                                       "::1",
                                       "1::",
                                       ":::",
                                       "1:::2",
                                       ":1",
                                       "1:",
                                       "::1::",
                                       "1:2:3:4:5:6:7:8",
                                       "1:2:3:4:5:6:7::",
                                       "1:2:3:4:5:6:7:8::",
                                       "::2:3:4:5:6:7:8",
                                       "1::3:4:5:6:7:8",
                                       "::1:2:3:4:5:6:7:8",
                                       "12345::",
                                       "g::",
                                       "::ffff:1.2.3.4",
                                       "1:2:3:4:5:6:1.2.3.4",
                                       "1:2:3:4:5:6:7:1.2.3.4",
                                       "::1.2.3",
                                       "1.2.3.4::",
                                       "fe80::1%lo",
                                       "FFFF:abcd::0000",
                                       "2001:db8::a:0:0:1"};

TEST(IpText, Reads_what_inet_pton_reads) {
  for (const std::string& text : samples) expect_the_same(text);
}

TEST(IpText, Reads_what_inet_pton_reads_of_half_a_million_random_texts) {
  Prng chance(4'291);
  constexpr std::string_view letters = "0123456789abcdefF:::..x ";
  for (int round = 0; round < 500'000; ++round) {
    std::string text = samples[chance.below(samples.size())];
    for (std::uint64_t changes = 1 + chance.below(3); changes > 0; --changes) {
      const std::size_t at = chance.below(text.size() + 1);
      const char letter = letters[chance.below(letters.size())];
      if (chance.below(2) == 0 || at == text.size()) text.insert(at, 1, letter);
      else if (chance.below(2) == 0) text.erase(at, 1);
      else text[at] = letter;
    }
    expect_the_same(text);
    if (HasFatalFailure()) return;
  }
}

TEST(IpText, Refuses_a_text_that_goes_on_behind_a_zero) {
  using namespace std::string_view_literals;
  Address address;
  EXPECT_FALSE(read_ipv4("1.2.3.4\0"sv, address.data()));
  EXPECT_FALSE(read_ipv6("::1\0x"sv, address.data()));
}

}  // namespace
}  // namespace weir::base
