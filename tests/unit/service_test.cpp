// service_test.cpp - a server as the service of its process: what it tells its manager, and which
// signals it takes.
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include <weir/server.h>

#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/support/fd.h"
#include "tests/unit/every_model.h"

namespace unit {
namespace {

using namespace std::chrono_literals;
using support::Client;
using support::eventually;
using weir::Chunk;
using weir::Connection;
using weir::Server;
using weir::Task;

constexpr auto interval = 200ms;

/// The manager's end of sd_notify(3), and the environment that leads there while this lives.
class Manager {
 public:
  Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const std::string name = "weir-unit-" + std::to_string(::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
    setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
    setenv("WATCHDOG_USEC", std::to_string(std::chrono::microseconds(interval).count()).c_str(),
           1);
  }
  ~Manager() {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
  }

  /// How many messages with this line have come since the last call.
  int count(const std::string& line) {
    int result = 0;
    char text[4096];
    ssize_t size = 0;
    while ((size = recv(socket_.get(), text, sizeof text, 0)) > 0) {
      const std::string message(text, static_cast<std::size_t>(size));
      result += message.find(line) != std::string::npos ? 1 : 0;
    }
    return result;
  }
  bool hears(const std::string& line) {
    return eventually([&] { return count(line) > 0; });
  }

 private:
  support::Fd socket_;
};

class Services : public EveryModel {
 protected:
  /// Serves a handler that hangs while `hangs_`, and hears of the watchdog.
  void hang(unsigned workers) {
    Manager manager;
    std::atomic<bool> release = false;
    std::atomic<bool> hangs = false;
    Server server([&](Connection& peer) -> Task<> {
      while (Chunk bytes = co_await peer.receive()) {
        hangs = true;
        while (!release) std::this_thread::sleep_for(1ms);
        co_await peer.send(bytes);
      }
    });
    server.model(GetParam()).workers(workers).listen("127.0.0.1:0").as_service();
    server.start();
    int code = -1;
    std::thread waits([&] { code = server.wait(); });
    EXPECT_TRUE(manager.hears("WATCHDOG=1"));
    EXPECT_TRUE(manager.hears("WATCHDOG=1"));
    {
      Client client(server.endpoints().at(0).text());
      client.send("hello");
      EXPECT_TRUE(eventually([&] { return hangs.load(); }));
      // What was under way may still come; then there is silence for as long as it hangs.
      std::this_thread::sleep_for(2 * interval);
      manager.count("");
      std::this_thread::sleep_for(4 * interval);
      EXPECT_EQ(manager.count("WATCHDOG=1"), 0);
      release = true;
      EXPECT_EQ(client.receive(5), "hello");
      EXPECT_TRUE(manager.hears("WATCHDOG=1"));
    }
    server.stop(10s);
    waits.join();
    EXPECT_EQ(code, 0);
    EXPECT_EQ(manager.count("STOPPING=1"), 1);
  }
};
INSTANTIATE_TEST_SUITE_P(Every_model, Services, testing::ValuesIn(different_models()),
                         model_name);

TEST_P(Services, Do_not_feed_their_watchdog_while_their_worker_hangs) { hang(1); }
TEST_P(Services, Do_not_feed_their_watchdog_while_one_of_their_workers_hangs) { hang(2); }

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

bool takes_user_signal_2() {
  struct sigaction action{};
  sigaction(SIGUSR2, nullptr, &action);
  return action.sa_handler != SIG_DFL;
}

TEST(Service, Takes_the_signal_that_restarts_and_gives_it_back) {
  for (const bool is_service : {false, true}) {
    Server server(echo);
    server.listen("127.0.0.1:0").workers(2).handle_signals();
    if (is_service) server.as_service();
    EXPECT_FALSE(takes_user_signal_2());
    server.start();
    EXPECT_EQ(takes_user_signal_2(), is_service);
    server.stop();
    server.wait();
    EXPECT_FALSE(takes_user_signal_2());
  }
}

TEST(Service, Refuses_options_of_a_restart_that_make_no_sense) {
  weir::Options options;
  options.restart_ready = 0ms;
  EXPECT_THROW(Server(echo).listen("127.0.0.1:0").options(options).start(), weir::StartError);
  options.restart_ready = 1ms;
  options.restart_drain = -1ms;
  EXPECT_THROW(Server(echo).listen("127.0.0.1:0").options(options).start(), weir::StartError);
}

}  // namespace
}  // namespace unit
