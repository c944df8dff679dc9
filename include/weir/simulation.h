// simulation.h - any handler against thousands of networks, each drawn from a seed.
//
//     weir::Task<> gives_back_what_it_gets(weir::simulation::World& world) {
//       auto server = world.serve(echo);
//       weir::Client client = co_await world.connect(server);
//       co_await client->send("hello");
//       weir::Chunk answer = co_await client->receive();
//       world.check(answer.text() == "hello", "the answer is what was sent");
//     }
//     weir::simulation::explore({.seeds = 10'000}, gives_back_what_it_gets);
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weir/client.h>
#include <weir/connection.h>
#include <weir/faults.h>
#include <weir/model.h>
#include <weir/options.h>
#include <weir/server.h>
#include <weir/statistics.h>
#include <weir/task.h>

namespace weir::simulated {
struct Service;
class WorldState;
}  // namespace weir::simulated

namespace weir::simulation {

class World;

/// A run that failed: what went wrong, the seed, how to replay it, and the trace of the run.
class Failure : public std::runtime_error {
 public:
  Failure(std::uint64_t seed, const std::string& what) : runtime_error(what), seed_(seed) {}
  std::uint64_t seed() const noexcept { return seed_; }

 private:
  std::uint64_t seed_;
};

/// A server in a world. A handle: copies mean the same server, which lives as long as the world.
class Server {
 public:
  explicit Server(simulated::Service& service) noexcept : service_(&service) {}

  const Endpoint& endpoint() const noexcept;
  /// As weir::Server::stop(): no further connections; sessions get `drain` to end.
  void stop(std::chrono::milliseconds drain = std::chrono::milliseconds(0)) noexcept;
  /// Whether every worker has ended.
  bool stopped() const noexcept;
  /// What its workers counted so far.
  Statistics statistics() const noexcept;

 private:
  simulated::Service* service_;
};

/// Whether this model's engine runs over the simulated network; `automatic`: one drawn from the
/// seed. The others need threads, processes or descriptor sets of their own.
bool can_simulate(Model model) noexcept;

/// How a server in a world is run, beside its Options.
struct Serving {
  Options options{};
  /// The engine that runs: iterative, poll, epoll-lt, epoll-et or io-uring, over the simulated
  /// network (can_simulate()). Automatic: drawn from the seed, among those that serve many
  /// clients at once. World::serve() throws StartError for another.
  Model model = Model::automatic;
  /// Sockets that are not TCP: a receive may end before the bytes that are there do. Without
  /// it the seed decides.
  bool unix_socket = false;
  /// What makes no difference to a handler is drawn from the seed where it is as by default:
  /// budget_operations, send_when_writable, reuse_port, and the kind of socket. False: as it is.
  bool drawn = true;
  /// An exception that leaves a handler, or a task that it spawned, ends that session only, and a
  /// running server logs it. In a world it ends the run with a Failure, because it is a bug as a
  /// rule, unless it is an IoError or a std::bad_alloc. True: here it is meant.
  bool handlers_may_throw = false;
};

/// One run: servers, clients, a network between them and a clock of its own. Everything that
/// is left to chance comes from the seed. Belongs to the thread that explores it.
class World {
 public:
  explicit World(simulated::WorldState& state) noexcept : state_(&state) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Starts a server, with the handler that runs in production. An exception that leaves it fails
  /// the run (Serving::handlers_may_throw). Several workers
  /// (Options::workers) are interleaved on one thread as the seed has it.
  template <class F>
  Server serve(F handler, const Serving& serving = {}) {
    return serve_handler(new detail::HandlerOf<F>(std::move(handler)), serving);
  }

  /// An ordinary client. Throws IoError, as weir::connect() does.
  Task<Client> connect(Server server);
  /// The same from an address of choice ("192.0.2.1:0"): for what a server does by address. Servers
  /// on unix sockets, and `none`, leave it as it is.
  Task<Client> connect(Server server, Endpoint from);

  /// Runs a task beside the scenario; the world ends when all have ended. An exception that
  /// leaves it counts as one that leaves the scenario.
  void spawn(Task<> task);

  /// Ends the run with a Failure unless the condition holds. From the scenario, where it throws,
  /// and from handlers.
  void check(bool condition, std::string_view what);
  [[noreturn]] void fail(std::string_view what);

  /// The machine at the other end of the connection is gone: nothing reaches it, nothing comes
  /// from it, and nobody is told. Of a connection that this side made.
  void vanish(Connection& connection);

  /// A line for the trace.
  void note(std::string_view line);

  /// From 0 to limit - 1; from the seed. Requires: 0 < limit < 2^32.
  std::uint64_t random(std::uint64_t limit);
  /// Letters from the seed.
  std::string text(std::size_t size);

  std::uint64_t seed() const noexcept;
  /// Time since the world began.
  std::chrono::nanoseconds now() const noexcept;
  /// False: a fault that breaks connections has struck, anywhere in this world, so that
  /// something may be missing.
  bool intact() const noexcept;
  /// How often a fault has struck so far.
  std::uint64_t struck(Fault fault) const noexcept;

 private:
  Server serve_handler(detail::Handler* handler, const Serving& serving);

  simulated::WorldState* state_;
};

/// What runs in each world, on the side of the clients. Called on several threads. The world's
/// servers outlive its locals: what a handler shares with it the handler has to own, say by a
/// std::shared_ptr that it captures by value.
using Scenario = std::function<Task<>(World&)>;

struct Exploration {
  /// WEIR_SEEDS, if set, counts instead.
  std::uint64_t seeds = 1000;
  std::uint64_t first_seed = 1;
  /// Threads; 0: one for each core.
  unsigned threads = 0;
  Faults faults{};
  /// Each seed switches a random subset of the faults off.
  bool swarm = true;
  /// A run that goes on for longer, in the world's time, has failed.
  std::chrono::hours patience{24 * 7};
  /// What replays one seed, in front of which WEIR_SEED=... is put. Default: this program.
  std::string command{};
  /// Called now and then with how many seeds are done, from any of the threads.
  std::function<void(std::uint64_t)> progress{};
};

/// What an exploration found out, if it found no fault.
struct Report {
  std::uint64_t seeds = 0;
  std::uint64_t broken = 0;    ///< runs that ended early by an IoError that a fault explains
  std::uint64_t repeated = 0;  ///< runs that were done twice and compared
  std::uint64_t connections = 0;
  std::chrono::nanoseconds simulated{0};  ///< sum of the worlds' times
  std::array<std::uint64_t, fault_count> struck{};
};

/// Runs the scenario in one world for each seed, in parallel; throws the Failure of the smallest
/// failing seed that it met. WEIR_SEED in the environment runs that seed alone. If a bug ends the
/// process (SIGSEGV, SIGABRT, AddressSanitizer, ...), its seed and how to replay it are printed to
/// stderr first; on SIGQUIT (Ctrl-\ at a terminal), for a program that hangs, those of all that
/// run. For that the signals have a handler while this runs, which passes them on.
Report explore(const Exploration& exploration, const Scenario& scenario);

/// One run, with its trace. For tools.
struct Run {
  bool failed = false;
  bool broken = false;
  std::string what;  ///< why it failed
  std::uint64_t hash = 0;
  std::vector<std::string> trace;
  /// How many lines of the trace there are up to the one that says why it failed; what follows
  /// is how the world was taken down.
  std::size_t trace_to_failure = 0;
  bool intact = true;  ///< World::intact() when it failed
};
Run run_once(std::uint64_t seed, const Exploration& exploration, const Scenario& scenario);

}  // namespace weir::simulation
