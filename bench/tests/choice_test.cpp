#include "choice.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace bench {
namespace {

using Names = std::vector<std::string>;

const Names names = {"weir:epoll-et", "weir:epoll-et+spin", "libevent", "libev"};

TEST(Choice, IsEverythingWithoutAPattern) { EXPECT_EQ(choose({}, names, "subject"), names); }

TEST(Choice, IsWhatBeginsSo) {
  EXPECT_EQ(choose({"weir"}, names, "subject"), (Names{"weir:epoll-et", "weir:epoll-et+spin"}));
  EXPECT_EQ(choose({"libe"}, names, "subject"), (Names{"libevent", "libev"}));
}

// `--subjects libev` measured libevent, too.
TEST(Choice, IsOneAloneWhoseNameIsExact) {
  EXPECT_EQ(choose({"libev"}, names, "subject"), Names{"libev"});
  EXPECT_EQ(choose({"weir:epoll-et"}, names, "subject"), Names{"weir:epoll-et"});
}

TEST(Choice, KeepsTheOrderOfNamesAndTakesEachOnce) {
  EXPECT_EQ(choose({"libev", "weir:epoll-et", "libe"}, names, "subject"),
            (Names{"weir:epoll-et", "libevent", "libev"}));
}

TEST(Choice, OfNothingIsAnError) {
  EXPECT_THROW(choose({"boost"}, names, "subject"), std::invalid_argument);
}

}  // namespace
}  // namespace bench
