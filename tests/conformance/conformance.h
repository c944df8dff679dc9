// conformance.h - the fixture of the conformance suite: a behaviour on every model.
//
//     TEST_P(Conformance, Gives_back_what_it_gets) {
//       TestServer& server = serve("echo");
//       Client client(server.address());
//       EXPECT_EQ(client.converse("hello"), "hello");
//     }
//
// The server is a child process. When the test ends it gets SIGTERM, and has to end cleanly:
// no crash, no sanitizer finding, every connection it accepted closed.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <weir/model.h>
#include <weir/options.h>

#include "tests/conformance/simulated.h"
#include "tests/support/address.h"
#include "tests/support/child.h"
#include "tests/support/client.h"
#include "tests/support/deadline.h"
#include "tests/support/proc.h"
#include "tests/support/random.h"
#include "tests/support/sandbox.h"

namespace conformance {

using support::Child;
using support::Client;
using support::eventually;
using support::random_bytes;

/// How the handlers of a test are served.
struct Shape {
  weir::Model model = weir::Model::epoll_lt;
  unsigned workers = 1;
  weir::WorkerKind kind = weir::WorkerKind::thread;
  bool simulated = false;  ///< over a simulated network, in virtual time

  /// "epoll-et.2-threads", "simulated-epoll-et.2-threads"
  std::string name() const;
  /// How many clients are served at the same time; without a limit: very many.
  std::size_t clients_at_once() const;
  /// Whether handlers of different connections see the same memory.
  bool shares_memory() const;
  /// Whether one thread serves many clients, so that one could starve the others.
  bool is_loop() const;
};

/// For GoogleTest's messages.
void PrintTo(const Shape& shape, std::ostream* out);

/// Every model of the registry, and each that can be simulated, with 1 thread, 2 threads and 2
/// processes.
std::vector<Shape> all_shapes();
/// Every model with one worker: for what more workers do not change.
std::vector<Shape> single_shapes();
std::string test_name(const testing::TestParamInfo<Shape>& info);

/// The server program, running.
class TestServer {
 public:
  using Values = std::vector<std::string>;

  TestServer(const std::string& handler, const Shape& shape, const Values& values,
             Child::Options options, SimulatedWorld* world = nullptr);

  /// The address it listens on; the n-th of several.
  const std::string& address(std::size_t index = 0) const { return addresses_.at(index); }
  const std::vector<std::string>& addresses() const { return addresses_; }
  /// The line "model NAME: WHY".
  const std::string& model_line() const { return model_line_; }
  pid_t pid() const { return program_->pid(); }
  /// Its children are in the same group.
  pid_t group() const { return program_->pid(); }

  /// Waits until it, or one of its handlers, reports this.
  bool reports(const std::string& text) { return program_->says(text); }
  /// The rest of the first line that begins with this.
  std::string says_after(const std::string& start);
  std::string errors() const { return program_->errors(); }

  void signal(int number) { program_->signal(number); }
  /// SIGTERM, and what has to hold then. Once; a test that does not call it gets it at its end.
  void stop();
  /// Waits for an end that the test itself has caused, and returns the exit code.
  int wait();
  /// After stop(): one of the totals, "sends" say.
  std::size_t total(const std::string& name) const;

 private:
  void check_end(int code);
  void read_totals();

  std::unique_ptr<support::Program> program_;
  bool stopped_ = false;
  std::string model_line_;
  std::vector<std::string> addresses_;
  std::map<std::string, std::size_t> totals_;
};

/// A test that serves handlers in one given way.
class ModelTest : public testing::Test {
 protected:
  explicit ModelTest(const Shape& shape) : shape_(shape) {}
  void SetUp() override;
  void TearDown() override;

  const Shape& shape() const { return shape_; }
  bool serves_at_once(std::size_t clients) const { return shape_.clients_at_once() >= clients; }

  TestServer& serve(const std::string& handler, const TestServer::Values& values = {},
                    Child::Options options = {});
  /// The same, with one worker of another model.
  TestServer& serve_by(const Shape& shape, const std::string& handler,
                       const TestServer::Values& values = {});

 private:
  Shape shape_;
  std::unique_ptr<SimulatedWorld> world_;  // Where the shape is simulated.
  std::vector<std::unique_ptr<TestServer>> servers_;
};

/// The behaviours that hold for every model and every kind of worker.
class Conformance : public ModelTest, public testing::WithParamInterface<Shape> {
 protected:
  Conformance() : ModelTest(GetParam()) {}
};

/// The behaviours that hold for every model, tried with one worker.
class SingleWorker : public ModelTest, public testing::WithParamInterface<Shape> {
 protected:
  SingleWorker() : ModelTest(GetParam()) {}
};

/// Where the server program is: beside the test program.
std::string server_program();

/// The process that a restart has started, by what the server said. Throws if there is none.
pid_t successor(const std::string& said);

/// How often `what` stands in `text`.
std::size_t count_in(const std::string& text, const std::string& what);

/// That many, each of whom has sent "x".
std::vector<Client> clients_that_ask(const TestServer& server, std::size_t count);
/// How many of them have bytes to read.
std::size_t answered(const std::vector<Client>& clients);
/// Closes clients that were answered until every one was; how many answers came in all.
std::size_t answered_as_others_leave(std::vector<Client>& clients);

/// Why a behaviour is skipped; each is a reason that the matrix shows.
constexpr const char* one_at_a_time = "serves one client at a time on each worker";
constexpr const char* no_ipv6 = "there is no IPv6 here";
constexpr const char* few_descriptors = "too few descriptors are allowed here";
constexpr const char* children_do_not_count =
    "its children, which may be killed, do not count whom a proxy introduces";
constexpr const char* workers_are_threads = "its workers are threads";
constexpr const char* handlers_may_block = "a handler may block: nobody else is on its thread";
constexpr const char* not_root = "only root can become another user";
constexpr const char* no_shared_memory = "its connections are in processes that share no memory";
constexpr const char* no_process =
    "simulated: its server is no process, which proc(5) could show";
constexpr const char* nobody_is_watched = "simulated: nothing there takes real time to stall";
constexpr const char* must_rest = "simulated: there a handler that is never at rest is a failure";
constexpr const char* own_addresses = "simulated: its network gives each server its address";
constexpr const char* no_signals = "simulated: there are no signals";
constexpr const char* no_urgent_data = "simulated: there is no urgent data";
constexpr const char* no_client_threads = "simulated: clients on threads would not be replayed";
constexpr const char* no_descriptor_limit =
    "simulated: descriptors do not run out; the campaigns' fault accept-error does that";

}  // namespace conformance
