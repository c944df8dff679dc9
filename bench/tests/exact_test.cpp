#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "exact.h"

namespace bench {
namespace {

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

/// Whether every descendant has ended, within 5 s. Those whose parent has died come to this process
/// (PR_SET_CHILD_SUBREAPER), so that none can hide.
bool all_have_ended() {
  for (int i = 0; i < 500; ++i) {
    if (::waitpid(-1, nullptr, WNOHANG) < 0) return true;
    ::usleep(10'000);
  }
  return false;
}

void end_those_left() {
  std::ifstream children("/proc/thread-self/children");
  for (pid_t child; children >> child;) ::kill(child, SIGKILL);
}

// strace with -o keeps SIGTERM to itself. It was killed after 5 s then: no summary, which counted
// as 0 calls and met every goal, and the server went on for ever.
TEST(CountingUnderStrace, CountsCallsAndLeavesNoProcessBehind) {
  if (!is_installed("strace")) GTEST_SKIP() << "strace is not installed";
  ::signal(SIGPIPE, SIG_IGN);
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  for (const char* name : {"bare:epoll-et", "bare:threads", "bare:fork"}) {
    const Count count = count_calls_by_strace(subject(name), {});
    EXPECT_EQ(count.source, "strace") << name;
    EXPECT_GE(count.per_request, 1.9) << name;  // A receive and a send.
    EXPECT_LT(count.per_request, 10) << name;
    const bool ended = all_have_ended();
    if (!ended) end_those_left();
    ASSERT_TRUE(ended) << name << " is still there";
  }
}

TEST(CountingUnderStrace, SaysSoWhenThereIsNoCount) {
  Subject broken = subject("bare:epoll-et");
  broken.program = "no_such_program";
  EXPECT_THROW(count_calls_by_strace(broken, {}), std::runtime_error);
}

}  // namespace
}  // namespace bench
