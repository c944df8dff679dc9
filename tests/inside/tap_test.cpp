// The seam of the system calls: what a tap sees, and what it decides.
#include "os/tap.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/calls.h"
#include "os/epoll.h"
#include "os/fd.h"
#include "os/process.h"
#include "os/ring.h"
#include "os/socket.h"
#include "os/thread.h"

namespace weir::os {
namespace {

std::int64_t send(int fd, const void* data, std::size_t size) {
  return calls().send(fd, data, size);
}
std::int64_t send(int fd, const Slice* slices, std::size_t count) {
  return calls().send(fd, slices, count);
}
std::int64_t receive(int fd, void* data, std::size_t size) {
  return calls().receive(fd, data, size);
}

/// Notes what it is told, of any thread; decides by a function.
class TestTap final : public Tap {
 public:
  TestTap() { install(this); }
  ~TestTap() { install(nullptr); }

  bool before(Call& call) noexcept override {
    const std::lock_guard lock(mutex_);
    return decide && decide(call);
  }
  void after(Call& call) noexcept override {
    const std::lock_guard lock(mutex_);
    calls.push_back(call);
    if (change) change(call);
  }

  std::vector<CallKind> kinds() const {
    std::vector<CallKind> result;
    for (const Call& call : calls) result.push_back(call.kind);
    return result;
  }

  std::function<bool(Call&)> decide;
  std::function<void(Call&)> change;
  std::vector<Call> calls;

 private:
  std::mutex mutex_;
};

struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    one = Fd(fds[0]);
    other = Fd(fds[1]);
  }
  Fd one, other;
};

TEST(Tap, Has_a_name_for_every_kind) {
  for (std::size_t kind = 0; kind < call_kinds; ++kind) {
    EXPECT_NE(name(static_cast<CallKind>(kind)), "") << kind;
  }
  EXPECT_EQ(name(CallKind::epoll_wait), "epoll_wait");
  EXPECT_EQ(name(CallKind::request), "request");
}

TEST(Tap, Sees_arguments_and_results_in_order) {
  Pair pair;
  char buffer[8] = {};
  TestTap tap;
  EXPECT_EQ(send(pair.one.get(), "abc", std::size_t{3}), 3);
  EXPECT_EQ(receive(pair.other.get(), buffer, sizeof buffer), 3);
  EXPECT_EQ(receive(pair.other.get(), buffer, sizeof buffer), -EAGAIN);
  install(nullptr);
  EXPECT_STREQ(buffer, "abc");
  ASSERT_EQ(tap.kinds(), (std::vector{CallKind::send, CallKind::recv, CallKind::recv}));
  EXPECT_EQ(tap.calls[0].fd(), pair.one.get());
  EXPECT_EQ(tap.calls[0].length(), 3u);
  EXPECT_EQ(tap.calls[0].result, 3);
  EXPECT_EQ(tap.calls[1].fd(), pair.other.get());
  EXPECT_EQ(tap.calls[1].length(), sizeof buffer);
  EXPECT_EQ(tap.calls[2].result, -EAGAIN);
}

TEST(Tap, Decides_what_a_call_returns_without_making_it) {
  Pair pair;
  char buffer[8];
  TestTap tap;
  tap.decide = [](Call& call) {
    call.result = -ECONNRESET;
    return call.kind == CallKind::send;
  };
  EXPECT_EQ(send(pair.one.get(), "abc", std::size_t{3}), -ECONNRESET);
  EXPECT_EQ(receive(pair.other.get(), buffer, sizeof buffer), -EAGAIN);  // Nothing was sent.
}

TEST(Tap, Interrupts_a_blocking_call_whose_caller_looks_up) {
  Pair pair;
  TestTap tap;
  int interruptions = 1;
  tap.decide = [&](Call& call) {
    call.result = -EINTR;
    return interruptions-- > 0;
  };
  EXPECT_EQ(send_blocking(pair.one.get(), "abc", 3), -EINTR);
  EXPECT_EQ(send_blocking(pair.one.get(), "abc", 3), 3);
}

TEST(Tap, Shortens_a_read_and_a_write) {
  Pair pair;
  char buffer[8] = {};
  TestTap tap;
  tap.decide = [](Call& call) {
    call.shorten(2);
    return false;
  };
  EXPECT_EQ(send(pair.one.get(), "abcdef", std::size_t{6}), 2);
  EXPECT_EQ(send(pair.one.get(), "cdef", std::size_t{4}), 2);
  EXPECT_EQ(receive(pair.other.get(), buffer, sizeof buffer), 2);
  EXPECT_STREQ(buffer, "ab");
}

TEST(Tap, Shortens_a_gathered_send_within_a_slice_and_leaves_the_slices_alone) {
  Pair pair;
  char buffer[16] = {};
  TestTap tap;
  tap.decide = [](Call& call) {
    if (call.kind == CallKind::sendmsg) {
      EXPECT_EQ(call.length(), 9u);
      call.shorten(5);
    }
    return false;
  };
  const Slice slices[] = {{"abc", 3}, {"def", 3}, {"ghi", 3}};
  EXPECT_EQ(send(pair.one.get(), slices, 3), 5);
  EXPECT_EQ(slices[1].size, 3u);
  EXPECT_EQ(receive(pair.other.get(), buffer, sizeof buffer), 5);
  EXPECT_STREQ(buffer, "abcde");
}

TEST(Tap, Lets_a_close_happen_and_fail_nevertheless) {
  Pair pair;
  const int fd = pair.one.release();
  TestTap tap;
  tap.change = [](Call& call) { call.result = -EINTR; };
  close_fd(fd);
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
  EXPECT_EQ(tap.calls.at(0).kind, CallKind::close);
}

TEST(Tap, Sees_both_sides_of_a_fork) {
  TestTap tap;
  Children children;
  tap.calls.clear();
  const int child = children.fork();
  if (child == 0) {
    const bool seen = tap.calls.size() == 1 && tap.calls[0].result == 0;
    ::_exit(seen ? 0 : 1);
  }
  ASSERT_GT(child, 0);
  ASSERT_EQ(tap.calls.size(), 1u);
  EXPECT_EQ(tap.calls[0].result, child);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Tap, Fails_the_start_of_a_thread) {
  TestTap tap;
  tap.decide = [](Call& call) {
    call.result = -EAGAIN;
    return call.kind == CallKind::pthread_create;
  };
  Thread thread;
  EXPECT_EQ(thread.start(0, [](void*) noexcept {}, nullptr), EAGAIN);
}

TEST(Tap, Fails_what_a_constructor_needs) {
  TestTap tap;
  tap.decide = [](Call& call) {
    call.result = -EMFILE;
    return call.kind == CallKind::epoll_create1 || call.kind == CallKind::io_uring_setup;
  };
  EXPECT_THROW(Epoll{}, std::system_error);
  EXPECT_EQ(Ring::probe(), -EMFILE);
}

class RingTap : public testing::Test {
 protected:
  void SetUp() override {
    if (const int error = Ring::probe(); error != 0) GTEST_SKIP() << Ring::explain(-error);
  }

  static std::vector<Ring::Completion> turn(Ring& ring) {
    std::vector<Ring::Completion> completions(8);
    ring.submit_and_wait(1, 100'000'000);
    completions.resize(ring.reap(completions));
    return completions;
  }
};

TEST_F(RingTap, Sees_requests_and_completions) {
  Pair pair;
  Ring ring({8, 16, 4, 4096});
  TestTap tap;
  ring.send(pair.one.get(), "abc", std::size_t{3}, 64);
  const auto completions = turn(ring);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 3);
  ASSERT_EQ(tap.kinds(),
            (std::vector{CallKind::request, CallKind::io_uring_enter, CallKind::completion}));
  EXPECT_EQ(tap.calls[0].fd(), pair.one.get());
  EXPECT_EQ(tap.calls[0].length(), 3u);
  EXPECT_EQ(tap.calls[0].arguments[3], 64u);
  EXPECT_EQ(tap.calls[1].arguments[0], 1u);
  EXPECT_EQ(tap.calls[2].arguments[0], 64u);
  EXPECT_EQ(tap.calls[2].result, 3);
}

TEST_F(RingTap, Shortens_a_send) {
  Pair pair;
  Ring ring({8, 16, 4, 4096});
  TestTap tap;
  tap.decide = [](Call& call) {
    if (call.kind == CallKind::request) call.shorten(2);
    return false;
  };
  ring.send(pair.one.get(), "abc", std::size_t{3}, 64);
  const auto completions = turn(ring);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 2);
}

TEST_F(RingTap, Decides_how_a_request_completes) {
  Pair pair;
  char buffer[8];
  Ring ring({8, 16, 4, 4096});
  TestTap tap;
  tap.decide = [](Call& call) {
    call.result = -ECONNRESET;
    return call.kind == CallKind::request;
  };
  ring.send(pair.one.get(), "abc", std::size_t{3}, 64);
  const auto completions = turn(ring);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].data, 64u);
  EXPECT_EQ(completions[0].result, -ECONNRESET);
  EXPECT_FALSE(completions[0].more);
  EXPECT_EQ(receive(pair.other.get(), buffer, sizeof buffer), -EAGAIN);
}

TEST_F(RingTap, Fails_an_enter_and_keeps_its_requests_for_the_next) {
  Pair pair;
  Ring ring({8, 16, 4, 4096});
  TestTap tap;
  bool first = true;
  tap.decide = [&](Call& call) {
    call.result = -EINTR;
    return call.kind == CallKind::io_uring_enter && std::exchange(first, false);
  };
  const Slice slices[] = {{"abc", 3}, {"def", 3}};
  ring.send(pair.one.get(), slices, 2, 64);
  EXPECT_TRUE(turn(ring).empty());
  const auto completions = turn(ring);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 6);
}

}  // namespace
}  // namespace weir::os
