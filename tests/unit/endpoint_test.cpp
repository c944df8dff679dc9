// endpoint_test.cpp - addresses from text and back.
#include <weir/endpoint.h>

#include <gtest/gtest.h>

#include <string>

#include <weir/error.h>

namespace {

using weir::Endpoint;
using Family = Endpoint::Family;

TEST(Endpoint, Reads_an_IPv4_address) {
  const Endpoint endpoint = Endpoint::parse("127.0.0.1:7000");
  EXPECT_EQ(endpoint.family, Family::ipv4);
  EXPECT_EQ(endpoint.port, 7000);
  EXPECT_EQ(endpoint.address[0], 127);
  EXPECT_EQ(endpoint.address[3], 1);
}

TEST(Endpoint, Reads_an_IPv6_address) {
  const Endpoint endpoint = Endpoint::parse("[::1]:65535");
  EXPECT_EQ(endpoint.family, Family::ipv6);
  EXPECT_EQ(endpoint.port, 65535);
  EXPECT_EQ(endpoint.address[15], 1);
  EXPECT_EQ(endpoint.scope, 0U);
}

TEST(Endpoint, Reads_the_interface_of_a_link_local_address) {
  const Endpoint endpoint = Endpoint::parse("[fe80::1%2]:7000");
  EXPECT_EQ(endpoint.family, Family::ipv6);
  EXPECT_EQ(endpoint.scope, 2U);
  EXPECT_EQ(endpoint.text(), "[fe80::1%2]:7000");
}

TEST(Endpoint, Reads_a_unix_path) {
  const Endpoint endpoint = Endpoint::parse("unix:/run/echo.sock");
  EXPECT_EQ(endpoint.family, Family::unix_socket);
  EXPECT_EQ(endpoint.path, "/run/echo.sock");
}

TEST(Endpoint, Takes_no_address_for_every_IPv4_address) {
  const Endpoint any = Endpoint::parse("0.0.0.0:80");
  EXPECT_EQ(Endpoint::parse(":80"), any);
  EXPECT_EQ(Endpoint::parse("*:80"), any);
}

TEST(Endpoint, Knows_localhost) {
  EXPECT_EQ(Endpoint::parse("localhost:80"), Endpoint::parse("127.0.0.1:80"));
}

TEST(Endpoint, Writes_what_it_reads) {
  for (const char* text : {"127.0.0.1:7000", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:1",
                           "[::]:7000", "[2001:db8::1]:443", "unix:/run/echo.sock"}) {
    EXPECT_EQ(Endpoint::parse(text).text(), text);
    EXPECT_EQ(Endpoint::parse(Endpoint::parse(text).text()), Endpoint::parse(text));
  }
}

TEST(Endpoint, Refuses_what_is_no_address_with_one_line_that_names_it) {
  for (const std::string text : {"",
                                 ":",
                                 "7000",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:-1",
                                 "127.0.0.1:7000x",
                                 "127.0.0.1: 7000",
                                 "127.0.0.256:1",
                                 "127.0.0:1",
                                 "::1:7000",
                                 "[::1]",
                                 "[::1]:",
                                 "[::g]:1",
                                 "[127.0.0.1]:1",
                                 "example.com:80",
                                 "unix:",
                                 "127.0.0.1:99999999999",
                                 "[::1:7000",
                                 "::1]:7000",
                                 "[]:1",
                                 " 127.0.0.1:1",
                                 "127.0.0.1:1\n"}) {
    try {
      Endpoint::parse(text);
      ADD_FAILURE() << "took '" << text << "' for an address";
    } catch (const weir::StartError& error) {
      const std::string what = error.what();
      EXPECT_FALSE(what.empty());
      EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    }
  }
}

TEST(Endpoint, Refuses_a_unix_path_that_is_too_long_for_a_socket) {
  EXPECT_THROW(Endpoint::parse("unix:/" + std::string(200, 'x')), weir::StartError);
}

}  // namespace
