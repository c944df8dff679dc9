// sweep_test.cpp - fails the first system calls of a server's life, one at a time.
//
// A server runs with a tap under it. For each kind of call, for each error that its man page
// lists, and for shortened transfers, the n-th call of that kind fails; n goes from 1 until there
// is no such call: while it starts, while three clients connect, say something and leave, and
// while it stops. Then: no crash, no hang, no wrong byte to any client, the next client is served,
// and at the end every connection was closed and every descriptor given back. A start that fails
// says why, and leaves nothing behind. AddressSanitizer sees the rest.
#include <sys/wait.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <weir/weir.h>

#include "tests/faults/conversation.h"
#include "tests/faults/sweeping.h"
#include "tests/support/random.h"
#include "tests/support/sandbox.h"

namespace faults {
namespace {

using namespace std::chrono_literals;
using support::full;

// Of whoever says much it gives back two chunks at a time, which go out in one call (sendmsg).
weir::Task<> echo(weir::Connection& peer) {
  constexpr std::size_t much = 100;
  while (weir::Chunk first = co_await peer.receive()) {
    weir::Chunk second;
    if (first.size() > much) second = co_await peer.receive();
    co_await peer.send(std::move(first));
    if (second) co_await peer.send(std::move(second));
  }
}

std::mutex lines_mutex;
std::vector<std::string> lines;
void note_line(weir::LogLevel level, std::string_view line) {
  const std::lock_guard lock(lines_mutex);
  if (level == weir::LogLevel::error) lines.emplace_back(line);
}
std::vector<std::string> take_lines() {
  const std::lock_guard lock(lines_mutex);
  return std::exchange(lines, {});
}

class Faults : public Sweeping {
 protected:
  /// Two workers go the same ways, and ways between them.
  Extent extent(Extent long_one, Extent short_one, Extent long_two, Extent short_two) const {
    if (GetParam().workers == 1) return full() ? long_one : short_one;
    return full() ? long_two : short_two;
  }
  /// Who waits for a client in a blocking call looks up every 250 ms, or when a signal comes, which
  /// goes to a process's first thread.
  static bool waits_blocked() {
    const auto [model, workers, kind] = GetParam();
    if (model == weir::Model::threads) return true;
    return kind == weir::WorkerKind::thread &&
           (model == weir::Model::iterative || model == weir::Model::fork);
  }
  static void expect_nothing_left(std::size_t descriptors) {
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child process is left";
  }
  static void expect_closed(const weir::Statistics& totals) {
    EXPECT_EQ(totals.accepted, totals.closed);
    EXPECT_EQ(totals.lost, 0U) << "a child process has crashed";
  }
};

TEST_P(Faults, No_failed_call_harms_anybody_but_its_own_connection) {
  const std::size_t before = open_descriptors();
  {
    weir::Server server(echo);
    set_up(server);
    server.start();
    const std::string address = server.endpoints().at(0).text();
    const std::string said = support::random_bytes(7, 20'000);
    Running running(server);
    expect_served(address, "the first one");
    const auto attempt = [&](const Fault& fault, int nth) {
      tap_.arm(fault, nth);
      converse(address, said, "little");
      const bool happened = tap_.disarm();
      expect_served(address, "the next one");
      return happened;
    };
    sweep(extent({60, 9}, {5, 999}, {12, 99}, {2, 1999}), attempt);
    EXPECT_EQ(running.stop(), 0);
    expect_closed(server.statistics());
  }
  expect_nothing_left(before);
  account("conversations", planned_faults());
}

/// Whether the next client is served; if not, it must not have got a wrong byte.
bool is_served(const std::string& address) {
  const std::string said = "is anybody there?";
  std::string got;
  try {
    Client client(address);
    client.send(said);
    client.finish();
    got = answer(client);
  } catch (const std::system_error&) {}  // Refused, or reset while it spoke.
  EXPECT_TRUE(said.starts_with(got)) << got;
  return got == said;
}

/// A start fails with one line that names the cause; but a worker process says it itself.
void expect_cause(const std::string& why, int error) {
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  const std::string cause = std::generic_category().message(error);
  const bool names_it = why.find(cause) != std::string::npos ||
                        why.find("io_uring") != std::string::npos ||
                        why.ends_with("ended with exit code 1 at its start");
  EXPECT_TRUE(names_it) << why << "; it was: " << cause;
}

/// False: there is no such call.
bool start_without(FaultTap& tap, const Shape& shape, weir::Server& server, const Fault& fault,
                   int nth) {
  tap.arm(fault, nth);
  try {
    server.start();
  } catch (const weir::StartError& error) {
    EXPECT_TRUE(tap.disarm()) << error.what();
    expect_cause(error.what(), fault.error);
    return true;
  }
  bool served = false, happened = false;
  int code = -1;
  {
    const std::string address = server.endpoints().at(0).text();
    Running running(server);
    served = is_served(address);
    happened = tap.disarm();
    EXPECT_TRUE(served || happened) << "not served, and nothing has failed";
    if (!served) served = is_served(address);  // It was that client's call.
    code = running.stop_with_knocks(address);
  }
  const std::vector<std::string> said = take_lines();
  if (served) {
    EXPECT_EQ(code, 0);
    return happened;
  }
  EXPECT_TRUE(shape.starts_late());
  EXPECT_EQ(code, 2);
  EXPECT_EQ(said.size(), 1U);
  for (const std::string& line : said) {
    EXPECT_TRUE(line.starts_with("worker 0 cannot start: ")) << line;
    expect_cause(line, fault.error);
  }
  return happened;
}

TEST_P(Faults, A_start_that_lacks_a_call_serves_or_says_why_it_cannot) {
  const std::size_t before = open_descriptors();
  const auto attempt = [&](const Fault& fault, int nth) {
    bool happened = false;
    {
      weir::Server server(echo);
      set_up(server);
      // Without a log the watch for stalls gives its descriptors up, which is a call, too.
      if (GetParam().starts_late()) server.on_log(note_line);
      happened = start_without(tap_, GetParam(), server, fault, nth);
    }
    expect_nothing_left(before);
    return happened;
  };
  sweep(extent({8, 999}, {3, 4096}, {4, 4096}, {1, 4096}), attempt);
  account("starts", planned_kinds());
}

TEST_P(Faults, A_stop_that_lacks_a_call_ends_all_the_same) {
  const std::size_t before = open_descriptors();
  bool cuts = false;
  const auto attempt = [&](const Fault& fault, int nth) {
    bool happened = false;
    {
      auto server = std::make_unique<weir::Server>(echo);
      set_up(*server);
      server->start();
      std::optional<Client> client;
      {
        const std::string address = server->endpoints().at(0).text();
        Running running(*server);
        expect_served(address, "the first one");
        if (cuts) {
          client.emplace(address);
          EXPECT_EQ(client->converse("hello"), "hello");
        }
        tap_.arm(fault, nth);
        const auto drain = cuts ? 0ms : 10s;
        const int code = full() ? running.stop(drain) : running.stop_with_knocks(address, drain);
        EXPECT_TRUE(code == 0 || (cuts && code == 3)) << code;
      }
      expect_closed(server->statistics());
      server.reset();
      happened = tap_.disarm();
    }
    expect_nothing_left(before);
    return happened;
  };
  for (const bool each : {false, true}) {
    if (each && !full() && waits_blocked()) continue;  // Each attempt takes half a second.
    cuts = each;
    sweep(extent({4, 999}, {1, 4096}, {2, 4096}, {1, 4096}), attempt);
  }
  account("stops", planned_kinds());
}

INSTANTIATE_TEST_SUITE_P(Every_model, Faults, testing::ValuesIn(shapes()), shape_name);

}  // namespace
}  // namespace faults
