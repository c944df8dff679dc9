// free_port_test.cpp - the port that `weir compare` gives a server that it does not know.
#include "cli/system/accounting.h"

#include <cstdint>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

namespace {

// What the kernel gives to others by itself would be theirs before the server has bound it.
TEST(FreePort, Is_none_that_the_kernel_gives_to_whoever_asks_for_none) {
  unsigned low = 0, high = 0;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low >> high;
  ASSERT_LT(low, high);
  if (low <= 10'000 && high >= 64'999) GTEST_SKIP() << "the kernel gives away all of them here";
  std::set<unsigned> ports;
  for (int i = 0; i < 50; ++i) ports.insert(weir::cli::free_port());
  EXPECT_EQ(ports.size(), 50U) << "nobody had bound the earlier ones";
  for (const unsigned port : ports) {
    EXPECT_TRUE(port >= 10'000 && (port < low || port > high)) << port;
    EXPECT_FALSE(weir::cli::somebody_listens(static_cast<std::uint16_t>(port)));
  }
}

}  // namespace
