// setting_up_test.cpp - a Server that is set up too late, or shares what only one can have; and
// what a start leaves behind.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include <weir/server.h>

namespace unit {
namespace {

using weir::Server;
using weir::Task;

Task<> discard(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) {}
}

/// What the StartError of `attempt` says; empty when it throws none.
std::string refusal(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const weir::StartError& error) { return error.what(); }
  return {};
}

// They were taken without a word, and changed nothing.
TEST(Server, Refuses_by_name_what_sets_it_up_after_it_has_started) {
  const struct {
    const char* name;
    std::function<void(Server&)> set;
  } setters[] = {
      {"named", [](Server& server) { server.named("late"); }},
      {"listen", [](Server& server) { server.listen("127.0.0.1:0"); }},
      {"listen", [](Server& server) { server.listen(weir::Endpoint::parse("127.0.0.1:0")); }},
      {"listen", [](Server& server) { server.listen_descriptor(3); }},
      {"model", [](Server& server) { server.model(weir::Model::poll); }},
      {"workers", [](Server& server) { server.workers(2); }},
      {"options", [](Server& server) { server.options({}); }},
      {"handle_signals", [](Server& server) { server.handle_signals(); }},
      {"as_service", [](Server& server) { server.as_service(); }},
      {"on_log", [](Server& server) { server.on_log(weir::log_to_stderr); }},
      {"on_statistics", [](Server& server) { server.on_statistics(nullptr); }},
      {"start", [](Server& server) { server.start(); }},
  };
  Server server(discard);
  server.listen("127.0.0.1:0").start();
  for (const auto& each : setters) {
    const std::string why = refusal([&] { each.set(server); });
    EXPECT_TRUE(why.starts_with(std::string(each.name) + "() after start()")) << each.name << why;
  }
  server.stop();
  EXPECT_EQ(server.wait(), 0);
  for (const auto& each : setters) {  // Once it has stopped it may be set up anew.
    if (each.name == std::string("start")) break;
    EXPECT_EQ(refusal([&] { each.set(server); }), "") << each.name;
  }
}

// Both started, and a signal stopped only the second.
TEST(Server, Is_the_only_one_that_handles_signals_until_it_has_stopped) {
  Server first(discard), second(discard);
  first.listen("127.0.0.1:0").handle_signals().start();
  second.listen("127.0.0.1:0").handle_signals();
  EXPECT_NE(refusal([&] { second.start(); }).find("handle_signals()"), std::string::npos);
  std::raise(SIGTERM);  // That refusal has taken nothing from the first.
  EXPECT_EQ(first.wait(), 0);
  second.start();
  std::raise(SIGTERM);
  EXPECT_EQ(second.wait(), 0);
}

// A ring that is gone interrupts the thread that made it, some milliseconds later.
TEST(Server, Interrupts_no_call_of_the_thread_that_has_started_it) {
  // Those of servers that this thread ran in tests before.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  for (const weir::ModelInfo& info : weir::models()) {
    if (!weir::availability(info.model).available) continue;
    Server server(discard);
    server.model(info.model).workers(2).listen("127.0.0.1:0").start();
    int sockets[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    const timeval bound{0, 100'000};  // With one the kernel restarts no receive, signal(7).
    ASSERT_EQ(setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound), 0);
    char byte = 0;
    EXPECT_EQ(recv(sockets[0], &byte, 1, 0), -1);
    EXPECT_EQ(errno, EAGAIN) << info.name;
    for (const int fd : sockets) close(fd);
    server.stop();
    EXPECT_EQ(server.wait(), 0);
  }
}

}  // namespace
}  // namespace unit
