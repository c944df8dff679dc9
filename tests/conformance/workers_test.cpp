// workers_test.cpp - workers: where they run, and what becomes of those that die.
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/conformance/conformance.h"
#include "tests/support/sandbox.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

// --- CPUs ------------------------------------------------------------------------------------

std::vector<std::string> usable_cpus() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  std::vector<std::string> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(std::to_string(cpu));
  }
  return cpus;
}

// The kernel tells a child of its parent's death when the thread that forked it has ended.
TEST_P(Conformance, Goes_on_when_the_thread_that_started_it_has_ended) {
  if (shape().simulated) GTEST_SKIP() << "its workers are no processes";
  if (weir::base::thread_sanitizer && shape().kind == weir::WorkerKind::process) {
    GTEST_SKIP() << support::no_threads_after_fork;
  }
  TestServer& server = serve("echo", {"--start-on-thread", "1"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
    support::rest(50ms);
  }
  server.stop();
  EXPECT_EQ(count_in(server.errors(), "replaced"), 0U) << server.errors();
}

TEST_P(Conformance, Keeps_each_worker_on_a_CPU_of_its_own_when_told_to) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  const std::vector<std::string> usable = usable_cpus();
  TestServer& server = serve("echo", {"--pin", "all"});
  // A lone worker begins with its first client; what serves a client inherits.
  Client client(server.address());
  ASSERT_EQ(client.converse("hello"), "hello");
  const auto allowed = [&] {
    return support::of_each_thread(server.group(), "Cpus_allowed_list");
  };
  for (unsigned worker = 0; worker < shape().workers; ++worker) {
    const std::string& cpu = usable[worker % usable.size()];
    EXPECT_TRUE(eventually([&] { return std::ranges::count(allowed(), cpu) > 0; }))
        << "worker " << worker << " is not on CPU " << cpu;
  }
}

TEST_P(SingleWorker, Keeps_its_worker_and_whoever_serves_for_it_on_the_CPU_it_is_told) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  const std::string cpu = usable_cpus().back();
  TestServer& server = serve("echo", {"--pin", cpu, "--stall-after", "0"});
  std::vector<Client> clients;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, shape().clients_at_once()); ++i) {
    clients.emplace_back(server.address());
    ASSERT_EQ(clients.back().converse("hello"), "hello");
  }
  std::vector<std::string> allowed = support::of_each_thread(server.group(), "Cpus_allowed_list");
  std::erase(allowed, cpu);
  // A sanitizer has a thread of its own.
  EXPECT_LE(allowed.size(), support::sanitized() ? 1U : 0U);
}

TEST(Pinning, Starts_nothing_when_the_list_is_none_or_names_a_CPU_that_is_not_ours) {
  for (const char* list : {"x", "0,", ",0", "1-0", "-1", "0-", "0,,1", "99999", "1023", "0 1"}) {
    Child server({server_program(), "echo", "--pin", list});
    EXPECT_EQ(server.wait(), 2) << list;
    EXPECT_EQ(server.read_line(), "") << list;
    EXPECT_NE(server.errors().find(std::string("'") + list + "'"), std::string::npos)
        << server.errors();
    EXPECT_EQ(count_in(server.errors(), "\n"), 1U) << server.errors();
  }
}

// --- processes that die ----------------------------------------------------------------------

/// The worker processes, which are the children of the server's own; without those that were
/// killed, and may take a while to be gone.
std::set<pid_t> worker_processes(const TestServer& server, const std::set<pid_t>& killed = {}) {
  std::set<pid_t> found;
  for (const support::Process& process : support::processes(server.group())) {
    const bool lives = process.state != 'Z' && !killed.contains(process.pid);
    if (process.parent == server.pid() && lives) found.insert(process.pid);
  }
  return found;
}

/// Whoever ended has been reaped, or is at once.
bool no_zombies(const TestServer& server) {
  return eventually([&] { return support::zombies(server.group()) == 0; });
}

/// A client of the handler "who", which knows who serves it.
struct Guest {
  explicit Guest(const std::string& address) : client(address) {}
  /// False: it was broken before it knew.
  bool ask(bool worker_forks) {
    std::istringstream line(client.receive_line());
    unsigned index = 0;
    pid_t process = 0, parent = 0;
    line >> index >> process >> parent;
    worker = worker_forks ? parent : process;
    return worker > 0;
  }
  bool goes_on() {
    try {
      return client.converse("hello") == "hello";
    } catch (const std::system_error&) { return false; }
  }

  Client client;
  pid_t worker = 0;
};

class Workers : public Conformance {
 protected:
  void SetUp() override {
    if (shape().simulated) GTEST_SKIP() << no_process;
    if (shape().kind != weir::WorkerKind::process) GTEST_SKIP() << workers_are_threads;
    Conformance::SetUp();
  }
  bool forks() const { return shape().model == weir::Model::fork; }
  /// Guests of both workers, as many as can be served.
  std::vector<Guest> guests_of_both(const TestServer& server) {
    std::vector<Guest> guests;
    std::set<pid_t> workers;
    while (guests.size() < 60 && (workers.size() < 2 || guests.size() < 6)) {
      if (guests.size() == shape().clients_at_once()) break;
      guests.emplace_back(server.address());
      EXPECT_TRUE(guests.back().ask(forks()));
      workers.insert(guests.back().worker);
    }
    EXPECT_EQ(workers.size(), 2U);
    return guests;
  }
};

TEST_P(Workers, Lose_only_their_own_connections_when_one_is_killed_and_are_replaced) {
  // By listeners of their own, or one worker might get all clients; one that serves one client at
  // a time would let others wait there.
  const bool one_each = shape().clients_at_once() == 2;
  TestServer& server = serve("who", {"--reuse-port", one_each ? "0" : "1"});
  std::vector<Guest> guests = guests_of_both(server);
  const std::set<pid_t> before = worker_processes(server);
  ASSERT_EQ(before.size(), 2U);
  const pid_t victim = guests.front().worker;
  ASSERT_TRUE(before.contains(victim));
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  const auto killed = support::Clock::now();
  EXPECT_TRUE(eventually([&] {
    const std::set<pid_t> now = worker_processes(server);
    return now.size() == 2 && !now.contains(victim);
  }));
  const auto replaced = support::Clock::now() - killed;
  RecordProperty(
      "replaced_after_ms",
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(replaced).count()));
  std::size_t lost = 0;
  for (Guest& guest : guests) {
    if (guest.worker == victim) {
      ++lost;
      EXPECT_TRUE(guest.client.sees_end());
    } else {
      EXPECT_TRUE(guest.goes_on());
    }
  }
  guests.clear();
  Guest next(server.address());
  EXPECT_TRUE(next.ask(forks()));
  EXPECT_NE(next.worker, victim);
  next.client.close();
  EXPECT_TRUE(no_zombies(server));
  server.stop();
  EXPECT_GE(lost, 1U);
  EXPECT_EQ(server.total("lost"), lost);
  EXPECT_EQ(count_in(server.errors(), "was ended by signal 9; it is replaced"), 1U)
      << server.errors();
}

TEST_P(Workers, Keep_the_door_open_while_all_of_them_are_dead) {
  TestServer& server = serve("who");
  Guest(server.address()).ask(forks());
  std::set<pid_t> dead;
  for (int i = 0; i < 3; ++i) {
    std::set<pid_t> workers;
    ASSERT_TRUE(
        eventually([&] { return (workers = worker_processes(server, dead)).size() == 2; }));
    for (const pid_t worker : workers) ASSERT_EQ(::kill(worker, SIGKILL), 0);
    dead.insert(workers.begin(), workers.end());
    // Nobody is there to accept: it waits in the backlog, and is not refused.
    Guest guest(server.address());
    if (guest.ask(forks())) {
      EXPECT_FALSE(dead.contains(guest.worker));
      EXPECT_TRUE(guest.goes_on());
    }
  }
  EXPECT_TRUE(eventually([&] { return worker_processes(server, dead).size() == 2; }));
  EXPECT_TRUE(no_zombies(server));
}

TEST_P(Workers, Are_replaced_later_and_with_an_error_when_they_die_again_and_again) {
  TestServer& server = serve("who");
  Guest witness(server.address());
  ASSERT_TRUE(witness.ask(forks()));
  // Whoever is not the witness's dies as soon as it is seen.
  const std::string complaint = "times in a row right after its start; it is replaced in ";
  EXPECT_TRUE(eventually([&] {
    for (const pid_t worker : worker_processes(server)) {
      if (worker != witness.worker) ::kill(worker, SIGKILL);
    }
    return count_in(server.errors(), complaint + "100 ms") > 0;
  }));
  EXPECT_GE(count_in(server.errors(), complaint + "50 ms"), 1U) << server.errors();
  EXPECT_TRUE(witness.goes_on());
  EXPECT_TRUE(eventually([&] { return worker_processes(server).size() == 2; }));
  EXPECT_TRUE(no_zombies(server));
}

// What it meant to do about the death is not done any more, and nothing to wake up for.
TEST_P(Workers, Have_a_supervisor_that_sleeps_when_it_stops_after_a_death) {
  TestServer& server = serve("stops", {"--pause-ms", "1500", "--drain-ms", "60000"});
  std::set<pid_t> workers;
  ASSERT_TRUE(eventually([&] { return (workers = worker_processes(server)).size() == 2; }));
  ASSERT_EQ(::kill(*workers.begin(), SIGKILL), 0);
  ASSERT_TRUE(
      eventually([&] { return worker_processes(server, {*workers.begin()}).size() == 2; }));
  const auto cpu_of_supervisor = [&] {
    const auto all = support::processes(server.group());
    return std::ranges::find(all, server.pid(), &support::Process::pid)->cpu;
  };
  Client client(server.address());
  client.send("slow");
  client.wait_until_delivered();
  support::rest(200ms);  // Until the handler has it, and takes its time.
  server.signal(SIGTERM);
  support::rest(200ms);
  const auto before = cpu_of_supervisor();
  support::rest(600ms);
  EXPECT_LE(cpu_of_supervisor() - before, 50ms);
  EXPECT_EQ(client.receive(4), "slow");
  client.finish();
  EXPECT_EQ(client.receive_to_end(), "");
  EXPECT_EQ(server.wait(), 0);
}

/// Clients that come back, each in a thread of its own.
class Regulars {
 public:
  Regulars(const std::string& address, bool worker_forks, int count)
      : address_(address), forks_(worker_forks) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Regulars() { stop(); }
  Regulars(const Regulars&) = delete;
  Regulars& operator=(const Regulars&) = delete;

  void stop() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  std::size_t refused() const { return refused_; }
  std::size_t answers() const { return answers_; }
  std::size_t connections() const { return connections_; }
  /// Connections that broke, by the worker that served them; 0: none had begun to.
  const std::map<pid_t, std::size_t>& broken() const { return broken_; }
  /// Those whom nobody ever answered, nor turned away.
  std::size_t forgotten() const { return forgotten_; }

 private:
  void run() {
    while (!over_) {
      try {
        Guest guest(address_);
        ++connections_;
        visit(guest);
      } catch (const std::system_error&) { ++refused_; }
    }
  }
  void visit(Guest& guest) {
    try {
      bool well = guest.ask(forks_);
      for (int i = 0; well && i < 20 && !over_; ++i) {
        well = guest.client.converse("hello") == "hello";
        if (well) ++answers_;
        support::rest(1ms);
      }
      if (well) return;
    } catch (const std::system_error&) {
    } catch (const std::runtime_error&) {
      // He waited in vain. The kernel takes down the ring of a process that was killed when it
      // finds time for it, and closes the connections in it then.
      if (guest.worker == 0) ++forgotten_;
    }
    const std::lock_guard lock(mutex_);
    ++broken_[guest.worker];
  }

  const std::string address_;
  const bool forks_;
  std::atomic<bool> over_{false};
  std::atomic<std::size_t> refused_{0}, answers_{0}, connections_{0}, forgotten_{0};
  std::mutex mutex_;
  std::map<pid_t, std::size_t> broken_;
  std::vector<std::thread> threads_;
};

TEST_P(Workers, Refuse_nobody_while_one_after_another_is_killed) {
  const auto duration = std::getenv("WEIR_FULL") != nullptr ? 30s : 3s;
  TestServer& server = serve("who");
  Regulars clients(server.address(), forks(), 4);
  std::set<pid_t> killed;
  std::set<pid_t> before;
  for (support::Deadline over(duration); !over.passed();) {
    support::rest(500ms);
    std::set<pid_t> workers;
    ASSERT_TRUE(
        eventually([&] { return (workers = worker_processes(server, killed)).size() == 2; }));
    // The one that has been there longer.
    const auto was_there = [&](pid_t worker) { return before.contains(worker); };
    const auto oldest = std::ranges::find_if(workers, was_there);
    const pid_t victim = oldest != workers.end() ? *oldest : *workers.begin();
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    killed.insert(victim);
    before = workers;
  }
  ASSERT_TRUE(eventually([&] { return worker_processes(server, killed).size() == 2; }));
  clients.stop();
  EXPECT_EQ(clients.refused(), 0U);
  EXPECT_EQ(clients.forgotten(), 0U);
  EXPECT_GT(clients.answers(), 0U);
  std::size_t broken = 0;
  for (const auto& [worker, count] : clients.broken()) {
    broken += count;
    EXPECT_TRUE(worker == 0 || killed.contains(worker)) << "worker " << worker << " was well";
  }
  // Four clients at most lose their connection to each that is killed.
  EXPECT_LE(broken, 4 * killed.size());
  EXPECT_TRUE(no_zombies(server));
  std::printf("%zu killed, %zu connections, %zu broken, %zu answers\n", killed.size(),
              clients.connections(), broken, clients.answers());
}

INSTANTIATE_TEST_SUITE_P(Every_model, Workers, testing::ValuesIn(all_shapes()), test_name);

}  // namespace
}  // namespace conformance
