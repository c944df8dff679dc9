// A ring that is far too small for its clients: the completion queue overflows, the submission
// queue fills in the middle of a turn, and there is hardly ever a free buffer.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include <weir/server.h>

#include "base/counters.h"
#include "engine/completion.h"
#include "model/model.h"
#include "os/calls.h"
#include "os/listening.h"
#include "os/ring.h"
#include "os/waker.h"
#include "tests/support/client.h"
#include "tests/support/random.h"

namespace weir::detail {
namespace {

using kernel::Mode;
using kernel::PollEntry;
using kernel::Slice;
using support::Client;

/// Linux, but its rings are of the given size.
class SmallRings final : public kernel::Calls {
 public:
  explicit SmallRings(const kernel::Ring::Options& size) : size_(size) {}

  std::unique_ptr<kernel::Ring> make_ring(const kernel::Ring::Options& asked) override {
    kernel::Ring::Options options = size_;
    options.buffers = asked.buffers;  // The engine counts on as many as it asked for.
    options.buffer_size = asked.buffer_size;
    options.shows_work = asked.shows_work;
    return linux_.make_ring(options);
  }

  kernel::Clock& clock() noexcept override { return linux_.clock(); }
  std::int64_t receive(int fd, void* data, std::size_t size) noexcept override {
    return linux_.receive(fd, data, size);
  }
  std::int64_t send(int fd, const void* data, std::size_t size) noexcept override {
    return linux_.send(fd, data, size);
  }
  std::int64_t send(int fd, const Slice* slices, std::size_t count) noexcept override {
    return linux_.send(fd, slices, count);
  }
  std::int64_t receive_blocking(int fd, void* data, std::size_t size) noexcept override {
    return linux_.receive_blocking(fd, data, size);
  }
  std::int64_t send_blocking(int fd, const void* data, std::size_t size) noexcept override {
    return linux_.send_blocking(fd, data, size);
  }
  int accept(int fd, Mode mode) noexcept override { return linux_.accept(fd, mode); }
  int socket_for(const Endpoint& endpoint, Mode mode) noexcept override {
    return linux_.socket_for(endpoint, mode);
  }
  int connect(int fd, const Endpoint& to) noexcept override { return linux_.connect(fd, to); }
  int connect_result(int fd) noexcept override { return linux_.connect_result(fd); }
  void close(int fd) noexcept override { linux_.close(fd); }
  int duplicate(int fd) noexcept override { return linux_.duplicate(fd); }
  void finish_sending(int fd) noexcept override { linux_.finish_sending(fd); }
  void reset_on_close(int fd) noexcept override { linux_.reset_on_close(fd); }
  std::size_t unread(int fd) noexcept override { return linux_.unread(fd); }
  std::size_t undelivered(int fd) noexcept override { return linux_.undelivered(fd); }
  void set_blocking_bound(int fd, std::int64_t bound) noexcept override {
    linux_.set_blocking_bound(fd, bound);
  }
  bool has_blocking_bound(int fd) noexcept override { return linux_.has_blocking_bound(fd); }
  void set_nonblocking(int fd, bool on) noexcept override { linux_.set_nonblocking(fd, on); }
  bool is_nonblocking(int fd) noexcept override { return linux_.is_nonblocking(fd); }
  Endpoint local(int fd) override { return linux_.local(fd); }
  Endpoint peer(int fd) override { return linux_.peer(fd); }
  std::size_t poll(PollEntry* entries, std::size_t count, std::int64_t bound) noexcept override {
    return linux_.poll(entries, count, bound);
  }
  void rest(std::int64_t nanoseconds) noexcept override { linux_.rest(nanoseconds); }
  std::unique_ptr<kernel::Epoll> make_epoll() override { return linux_.make_epoll(); }

 private:
  kernel::Calls& linux_ = os::calls();
  const kernel::Ring::Options size_;
};

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

/// Holds on to what came until the client has finished.
Task<> keep_all(Connection& peer) {
  std::vector<Chunk> kept;
  while (Chunk bytes = co_await peer.receive()) kept.push_back(std::move(bytes));
  for (Chunk& bytes : kept) co_await peer.send(std::move(bytes));
}

/// A worker on its own thread, over a ring of that size.
class RunningWorker {
 public:
  RunningWorker(Task<> (*handler)(Connection&), const kernel::Ring::Options& size)
      : calls_(size), handler_(handler) {
    const char* step = "";
    plan_.listeners = {os::listen_on(Endpoint::parse("127.0.0.1:0"), {}, step)};
    address_ = os::local_endpoint(plan_.listeners[0]).text();
    plan_.handler = &handler_;
    plan_.control = &control_;
    plan_.calls = &calls_;
  }
  ~RunningWorker() { stop(); }

  void start() {
    thread_ = std::thread([this] {
      CompletionEngine engine(engine_options(plan_), calls_, waker_);
      Worker worker(plan_, engine);
      worker.run();
      counted_ = base::counters;
    });
  }
  const Statistics& stop() {
    if (thread_.joinable()) {
      control_.request_stop(10'000'000'000);
      thread_.join();
    }
    return counted_;
  }
  const std::string& address() const { return address_; }

 private:
  SmallRings calls_;
  HandlerOf<Task<> (*)(Connection&)> handler_;
  os::Waker waker_;
  Control control_{waker_};
  Plan plan_;
  std::string address_;
  Statistics counted_;
  std::thread thread_;
};

class SmallRing : public testing::Test {
 protected:
  void SetUp() override {
    if (const int error = os::Ring::probe(); error != 0) {
      GTEST_SKIP() << os::Ring::explain(-error);
    }
  }
};

constexpr std::size_t clients_count = 100;

// All of them are there, and have spoken, before the worker looks for the first time.
TEST_F(SmallRing, Loses_nothing_when_completions_overflow) {
  RunningWorker worker(echo, {.entries = 4, .completions = 8});
  std::vector<Client> clients;
  for (std::size_t i = 0; i < clients_count; ++i) {
    clients.emplace_back(worker.address());
    clients[i].send(support::random_bytes(i, 3000));
  }
  worker.start();
  for (std::size_t round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < clients_count; ++i) {
      ASSERT_TRUE(clients[i].receive(3000) == support::random_bytes(i + round, 3000))
          << "client " << i << ", round " << round;
      clients[i].send(support::random_bytes(i + round + 1, 3000));
    }
  }
  for (Client& client : clients) client.finish();
  for (Client& client : clients) EXPECT_EQ(client.receive_to_end().size(), 3000U);
  const Statistics& counted = worker.stop();
  EXPECT_EQ(counted.accepted, clients_count);
  EXPECT_EQ(counted.ended, clients_count);
  EXPECT_GT(counted.overflows, 0U) << "the queue was never full: nothing was tried";
}

// With every buffer held by handlers, and with completions that overflow meanwhile.
TEST_F(SmallRing, Goes_on_when_handlers_hold_every_buffer) {
  constexpr std::size_t pieces = 20, piece = 600;
  RunningWorker worker(keep_all, {.entries = 4, .completions = 8});
  worker.start();
  std::vector<Client> clients;
  for (std::size_t i = 0; i < clients_count; ++i) clients.emplace_back(worker.address());
  for (std::size_t at = 0; at < pieces; ++at) {
    for (std::size_t i = 0; i < clients_count; ++i) {
      clients[i].send(support::random_bytes(i * pieces + at, piece));
      clients[i].wait_until_delivered();
    }
  }
  for (std::size_t i = 0; i < clients_count; ++i) {
    clients[i].finish();
    std::string expected;
    for (std::size_t at = 0; at < pieces; ++at) {
      expected += support::random_bytes(i * pieces + at, piece);
    }
    ASSERT_TRUE(clients[i].receive_to_end() == expected) << "client " << i;
  }
  const Statistics& counted = worker.stop();
  EXPECT_EQ(counted.ended, clients_count);
  EXPECT_GT(counted.buffers_missed, 0U) << "there were always buffers: nothing was tried";
}

// The rest of the requests goes out with the next enter, and so does what they point at.
TEST_F(SmallRing, Sends_gathered_bytes_however_small_the_submission_queue) {
  const auto pieces = [](Connection& peer) -> Task<> {
    const std::string large = support::random_bytes(1, 5000);
    while (const Chunk bytes = co_await peer.receive()) co_await peer.send("<", large, ">");
  };
  RunningWorker worker(pieces, {.entries = 2, .completions = 4});
  std::vector<Client> clients;
  for (std::size_t i = 0; i < clients_count; ++i) {
    clients.emplace_back(worker.address());
    clients[i].send("x");
  }
  worker.start();
  const std::string expected = "<" + support::random_bytes(1, 5000) + ">";
  for (Client& client : clients) ASSERT_TRUE(client.receive(5002) == expected);
  clients.clear();
  EXPECT_EQ(worker.stop().closed, clients_count);
}

}  // namespace
}  // namespace weir::detail
