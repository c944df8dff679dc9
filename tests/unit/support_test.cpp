// support_test.cpp - what the tests themselves rely on.
#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

#include "tests/support/address.h"
#include "tests/support/child.h"
#include "tests/support/deadline.h"
#include "tests/support/proc.h"
#include "tests/support/random.h"

namespace {

using support::Child;

TEST(Support, Random_bytes_are_the_same_every_time) {
  EXPECT_EQ(support::random_bytes(1, 100), support::random_bytes(1, 100));
  EXPECT_NE(support::random_bytes(1, 100), support::random_bytes(2, 100));
  EXPECT_EQ(support::random_bytes(1, 13), support::random_bytes(1, 100).substr(0, 13));
  // The first number of SplitMix64 with seed 0, as published.
  EXPECT_EQ(support::Random(0).next(), 0xe220a8397b1dcdafU);
}

TEST(Support, A_child_tells_its_lines_and_its_exit_code) {
  Child child({"/bin/sh", "-c", "echo one; echo two; echo three >&2; exit 7"});
  EXPECT_EQ(child.read_line(), "one");
  EXPECT_EQ(child.read_line(), "two");
  EXPECT_EQ(child.read_line(), "");
  EXPECT_EQ(child.wait(), 7);
  EXPECT_EQ(child.errors(), "three\n");
}

TEST(Support, A_child_that_a_signal_ends_tells_which) {
  Child child({"/bin/sh", "-c", "kill -TERM $$"});
  EXPECT_EQ(child.wait(), 128 + SIGTERM);
}

TEST(Support, A_child_gets_its_environment) {
  Child child({"/bin/sh", "-c", "echo $WEIR_MODEL"}, {.environment = {"WEIR_MODEL=poll"}});
  EXPECT_EQ(child.read_line(), "poll");
}

TEST(Support, A_child_takes_its_own_children_along) {
  pid_t group = 0;
  {
    Child child({"/bin/sh", "-c", "sleep 1000 & echo started; wait"});
    group = child.pid();
    EXPECT_EQ(child.read_line(), "started");
    EXPECT_TRUE(support::eventually([&] { return support::processes(group).size() == 2; }));
  }
  EXPECT_TRUE(support::eventually([&] {
    for (const auto& process : support::processes(group)) {
      if (process.state != 'Z') return false;
    }
    return true;
  }));
}

TEST(Support, A_program_that_is_not_there_is_noticed) {
  Child child({"/no/such/program"});
  EXPECT_EQ(child.wait(), 127);
}

TEST(Support, Addresses_are_read_apart_from_the_library) {
  EXPECT_EQ(support::Address::parse("127.0.0.1:80").family(), AF_INET);
  EXPECT_EQ(support::Address::parse("[::1]:80").family(), AF_INET6);
  EXPECT_EQ(support::Address::parse("unix:/run/x").family(), AF_UNIX);
  EXPECT_THROW(support::Address::parse("elsewhere:80"), std::invalid_argument);
}

}  // namespace
