// children_test.cpp - servers whose children others reap: the kernel, where SIGCHLD is ignored,
// or the program itself.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>

#include <weir/server.h>

#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/support/sandbox.h"
#include "tests/unit/running_server.h"

namespace unit {
namespace {

using namespace std::chrono_literals;
using support::Client;
using weir::Chunk;
using weir::Connection;
using weir::Model;
using weir::Options;
using weir::Task;

enum class Reaper { ignored, no_zombies, program };

/// Answers with the process that serves.
Task<> who(Connection& peer) {
  while (Chunk bytes = co_await peer.receive())
    co_await peer.send(std::to_string(getpid()) + "\n");
}

std::string ask(Client& client) {
  client.send("who?");
  return client.receive_line();
}

bool runs(pid_t process) { return kill(process, 0) == 0; }

/// While it lives children of this process are reaped as the parameter says.
class Reaped_elsewhere : public testing::TestWithParam<Reaper> {
 protected:
  void SetUp() override {
    struct sigaction action{};
    action.sa_handler = GetParam() == Reaper::ignored ? SIG_IGN : SIG_DFL;
    if (GetParam() == Reaper::no_zombies) action.sa_flags = SA_NOCLDWAIT;
    sigaction(SIGCHLD, &action, &before_);
    if (GetParam() != Reaper::program) return;
    waiter_ = std::thread([this] {
      for (; !over_; usleep(500)) waitpid(-1, nullptr, WNOHANG);
    });
  }
  void TearDown() override {
    over_ = true;
    if (waiter_.joinable()) waiter_.join();
    sigaction(SIGCHLD, &before_, nullptr);
  }

 private:
  struct sigaction before_ = {};
  std::atomic<bool> over_{false};
  std::thread waiter_;
};

// Nobody was served any more after connections_max clients, and no stop ended.
TEST_P(Reaped_elsewhere, Children_of_fork_make_room_when_they_end) {
  Options options;
  options.connections_max = 2;
  RunningServer server(who, Model::fork, options);
  for (int i = 0; i < 7; ++i) {
    Client client(server.address());
    EXPECT_NE(ask(client), "");
    client.finish();
    EXPECT_TRUE(client.sees_end());
  }
  EXPECT_EQ(server.stop(), 0);
  const weir::Statistics counted = server.server().statistics();
  EXPECT_EQ(counted.accepted, 7U);
  EXPECT_EQ(counted.open(), 0U);
  EXPECT_EQ(counted.ended + counted.lost, 7U);  // Now and then we are the first to ask.
}

// They were not, and the supervisor turned round and round.
TEST_P(Reaped_elsewhere, Worker_processes_are_replaced_when_they_are_killed) {
  if (weir::base::thread_sanitizer) GTEST_SKIP() << support::no_threads_after_fork;
  Options options;
  options.worker_kind = weir::WorkerKind::process;
  RunningServer server(who, Model::epoll_lt, options);
  pid_t first = 0;
  {
    Client client(server.address());
    first = std::stoi(ask(client));
    ASSERT_GT(first, 0);
    ASSERT_EQ(kill(first, SIGKILL), 0);
  }
  Client client(server.address());
  const pid_t second = std::stoi(ask(client));
  EXPECT_GT(second, 0);
  EXPECT_NE(second, first);
  client.finish();
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(server.stop(), 0);
  EXPECT_FALSE(runs(second));
  const weir::Statistics counted = server.server().statistics();
  EXPECT_EQ(counted.accepted, 2U);
  EXPECT_EQ(counted.lost, 1U);
  EXPECT_EQ(counted.open(), 0U);
}

INSTANTIATE_TEST_SUITE_P(By, Reaped_elsewhere,
                         testing::Values(Reaper::ignored, Reaper::no_zombies, Reaper::program),
                         [](const testing::TestParamInfo<Reaper>& each) {
                           switch (each.param) {
                             case Reaper::ignored: return "the_kernel_as_SIGCHLD_is_ignored";
                             case Reaper::no_zombies: return "the_kernel_by_SA_NOCLDWAIT";
                             case Reaper::program: return "the_program_itself";
                           }
                           return "nobody";
                         });

// --- fork's children, which count for themselves ----------------------------------------------

class Children_of_fork : public testing::TestWithParam<weir::WorkerKind> {};

// It did, bytes and reasons, only when the server had ended.
TEST_P(Children_of_fork, Show_what_they_counted_once_and_when_they_have_ended) {
  Options options;
  options.worker_kind = GetParam();
  options.first_byte = 100ms;
  options.linger = 0ms;
  RunningServer server(who, Model::fork, options);
  const auto counted = [&] { return server.server().statistics(); };
  const auto sums_are_right = [](const weir::Statistics& all) {
    return all.accepted == all.open() + all.closed &&
           all.closed == all.ended + all.failed + all.cut + all.timed_out + all.lost;
  };
  for (std::uint64_t visits = 1; visits <= 3; ++visits) {
    {
      Client client(server.address());
      EXPECT_NE(ask(client), "");
      client.finish();
      EXPECT_TRUE(client.sees_end());
    }
    EXPECT_TRUE(support::eventually([&] { return counted().closed == visits; }));
    EXPECT_EQ(counted().bytes_received, 4 * visits);
    EXPECT_TRUE(sums_are_right(counted()));
  }
  Client silent(server.address());
  EXPECT_TRUE(support::eventually([&] { return counted().timed_out == 1; }));
  EXPECT_EQ(counted().timed_out_first_byte, 1U);
  const std::uint64_t receives = counted().receives;
  EXPECT_GE(receives, 3U);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(counted().bytes_received, 12U);
  EXPECT_EQ(counted().receives, receives);
  EXPECT_EQ(counted().timed_out_first_byte, 1U);
  EXPECT_TRUE(sums_are_right(counted()));
}

INSTANTIATE_TEST_SUITE_P(Of, Children_of_fork,
                         testing::Values(weir::WorkerKind::thread, weir::WorkerKind::process),
                         [](const testing::TestParamInfo<weir::WorkerKind>& each) {
                           return each.param == weir::WorkerKind::thread ? "a_thread"
                                                                         : "a_process";
                         });

}  // namespace
}  // namespace unit
