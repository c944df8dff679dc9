// stalls_test.cpp - handlers that block, and what an operator sees of it.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/conformance/conformance.h"
#include "tests/conformance/release.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> lines_about(const std::string& errors, const std::string& what) {
  std::vector<std::string> lines;
  for (std::size_t at = 0, end = 0; (end = errors.find('\n', at)) != std::string::npos;
       at = end + 1) {
    std::string line = errors.substr(at, end - at);
    if (line.find(what) != std::string::npos) lines.push_back(std::move(line));
  }
  return lines;
}

/// Has a handler block, and sees that one line tells of it while it does.
void expect_report(TestServer& server, const Release& release, Client& client,
                   const std::string& handler) {
  EXPECT_TRUE(eventually([&] { return count_in(server.errors(), " stalls: ") > 0; }));
  EXPECT_FALSE(client.has_answer()) << "it blocks still";
  support::rest(200ms);  // More looks, and no more lines.
  const std::vector<std::string> lines = lines_about(server.errors(), " stalls: ");
  ASSERT_EQ(lines.size(), 1U) << server.errors();
  EXPECT_NE(lines[0].find("handler " + handler + " of connection "), std::string::npos)
      << lines[0];
  EXPECT_NE(lines[0].find(" from 127.0.0.3:"), std::string::npos) << lines[0];
  release.now();
  EXPECT_TRUE(eventually([&] { return client.has_answer(); }));
  client.close();
  server.stop();
  EXPECT_EQ(count_in(server.errors(), " stalls: "), 1U) << server.errors();
  EXPECT_EQ(server.total("stalls"), 1U);
}

TEST_P(Conformance, Reports_a_handler_that_blocks_its_loop_once_and_while_it_does) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  if (!shape().is_loop()) GTEST_SKIP() << handlers_may_block;
  const Release release;
  TestServer& server = serve("blocks", {"--stall-after", "50", "--until-file", release.path()});
  Client client(server.address(), {.from = "127.0.0.3:0"});
  client.send("receive");
  expect_report(server, release, client, "blocks");
}

TEST_P(SingleWorker, Reports_a_handler_that_blocks_before_its_first_wait) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  if (!shape().is_loop()) GTEST_SKIP() << handlers_may_block;
  const Release release;
  TestServer& server =
      serve("blocks_at_once", {"--stall-after", "50", "--until-file", release.path()});
  Client client(server.address(), {.from = "127.0.0.3:0"});
  expect_report(server, release, client, "blocks_at_once");
}

// By whatever has to tell it: a log function may need descriptors.
TEST_P(SingleWorker, Reports_a_handler_that_blocks_to_a_log_of_the_users_too) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  if (!shape().is_loop()) GTEST_SKIP() << handlers_may_block;
  const Release release;
  TestServer& server =
      serve("blocks", {"--stall-after", "50", "--until-file", release.path(), "--log", "own"});
  Client client(server.address(), {.from = "127.0.0.3:0"});
  client.send("receive");
  expect_report(server, release, client, "blocks");
}

// A thread that shares the descriptors would make the kernel count each use of them.
TEST_P(SingleWorker, Is_watched_by_a_thread_without_descriptors_where_nobody_hears_of_it) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  if (!shape().is_loop()) GTEST_SKIP() << handlers_may_block;
  if (support::sanitized()) GTEST_SKIP() << "sanitizers report from whatever thread they are on";
  TestServer& server = serve("echo", {"--log", "none"});
  const auto threads_without = [&] {
    std::size_t count = 0;
    const std::string tasks = "/proc/" + std::to_string(server.pid()) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      count += std::filesystem::is_empty(task.path() / "fd") ? 1 : 0;
    }
    return count;
  };
  EXPECT_TRUE(eventually([&] { return threads_without() == 1; }));
  Client client(server.address());
  EXPECT_EQ(client.converse("still served"), "still served");
}

// Whatever it waited for: a timer or a message belongs to no socket.
TEST_P(SingleWorker, Names_the_connection_of_a_handler_that_blocks_after_any_wait) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  if (!shape().is_loop()) GTEST_SKIP() << handlers_may_block;
  for (const char* wait : {"sleep", "within", "branch", "spawn", "call", "message"}) {
    SCOPED_TRACE(wait);
    const Release release;
    TestServer& server = serve("blocks", {"--stall-after", "50", "--until-file", release.path()});
    // Another connection, so that the right one has to be found.
    Client other(server.address());
    Client client(server.address(), {.from = "127.0.0.3:0"});
    client.send(wait);
    client.wait_until_delivered();
    support::settled([&] { return support::cpu_time(server.group()); }, 50ms);
    client.send("more");
    expect_report(server, release, client, "blocks");
  }
}

TEST_P(SingleWorker, Reports_no_handler_that_only_has_much_to_do) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  TestServer& server = serve("echo");
  std::atomic<bool> over{false};
  std::atomic<std::size_t> echoed{0};
  std::vector<std::thread> busy;
  for (int i = 0; i < (serves_at_once(4) ? 4 : 1); ++i) {
    busy.emplace_back([&] {
      Client client(server.address());
      const std::string piece(100'000, '.');
      while (!over) echoed += client.converse(piece).size();
    });
  }
  support::rest(1500ms);
  over = true;
  for (std::thread& each : busy) each.join();
  EXPECT_GT(echoed, 0U);
  server.stop();
  EXPECT_EQ(count_in(server.errors(), " stalls: "), 0U) << server.errors();
  EXPECT_EQ(server.total("stalls"), 0U);
}

// A process that is stopped, or a machine that sleeps, has blocked nobody.
TEST_P(SingleWorker, Reports_nobody_after_the_whole_process_was_stopped) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  TestServer& server = serve("echo", {"--stall-after", "200"});
  const std::string piece(1'000'000, '.');
  std::atomic<bool> over{false};
  std::thread busy([&] {
    Client client(server.address());
    while (!over) client.converse(piece);
  });
  for (int i = 0; i < 5; ++i) {
    support::rest(20ms);
    ASSERT_EQ(::kill(-server.group(), SIGSTOP), 0);
    support::rest(300ms);
    ASSERT_EQ(::kill(-server.group(), SIGCONT), 0);
  }
  over = true;
  busy.join();
  server.stop();
  EXPECT_EQ(count_in(server.errors(), " stalls: "), 0U) << server.errors();
}

TEST_P(SingleWorker, Reports_no_handler_when_it_is_not_to) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  const Release release;
  TestServer& server = serve("blocks", {"--stall-after", "0", "--until-file", release.path()});
  Client client(server.address());
  client.send("receive");
  support::rest(700ms);  // Beyond the default.
  EXPECT_FALSE(client.has_answer());
  EXPECT_EQ(server.errors().find("stalls: "), std::string::npos) << server.errors();
  release.now();
  EXPECT_EQ(client.receive(7), "receive");
  client.close();
  server.stop();
  EXPECT_EQ(server.total("stalls"), 0U);
}

TEST_P(SingleWorker, Reports_nobody_where_a_handler_may_block) {
  if (shape().simulated) GTEST_SKIP() << nobody_is_watched;
  if (shape().is_loop()) GTEST_SKIP() << "others wait for its handlers";
  const Release release;
  TestServer& server = serve("blocks", {"--stall-after", "50", "--until-file", release.path()});
  Client client(server.address());
  client.send("receive");
  support::rest(300ms);
  EXPECT_EQ(server.errors().find("stalls: "), std::string::npos) << server.errors();
  release.now();
  EXPECT_EQ(client.receive(7), "receive");
}

}  // namespace
}  // namespace conformance
