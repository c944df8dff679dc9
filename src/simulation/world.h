// world.h - one run: nodes, a network, a scenario, and the order in which they take their turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <weir/scope.h>
#include <weir/simulation.h>
#include <weir/task.h>

#include "base/frame_fault.h"
#include "base/prng.h"
#include "session/admission.h"
#include "session/room.h"
#include "simulation/delivery.h"
#include "simulation/network.h"
#include "simulation/node.h"
#include "simulation/trace.h"

namespace weir::simulated {

/// Ends a run that has failed.
class Stop : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A server of a world.
struct Service {
  WorldState* world = nullptr;
  unsigned number = 0;
  Endpoint endpoint;
  std::unique_ptr<detail::Handler> handler;
  simulation::Serving serving;
  std::unique_ptr<detail::Admission> admission;
  Model model = Model::automatic;
  // The limits of the whole server, in memory that its workers share.
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> room_memory;
  std::unique_ptr<detail::Room> room;
  std::vector<Node*> nodes;
  bool stopping = false;
};

struct Outcome {
  bool failed = false;
  bool broken = false;  // Ended early by an IoError that a fault explains.
  bool intact = true;   // Failed before any fault that breaks connections.
  std::string what;
};

class WorldState final : private detail::FrameFault {
 public:
  WorldState(std::uint64_t seed, const simulation::Exploration& exploration, bool keep_trace);
  ~WorldState();

  Outcome run(const simulation::Scenario& scenario);

  // For World and Server.
  Service& serve(std::unique_ptr<detail::Handler> handler, const simulation::Serving& serving);
  void spawn(Task<> task);
  void stop(Service& service, std::int64_t drain) noexcept;
  bool stopped(const Service& service) const noexcept;
  Statistics statistics(const Service& service) const noexcept;
  Network& network() noexcept { return network_; }
  base::Prng& scenario_chance() noexcept { return scenario_chance_; }
  Trace& trace() noexcept { return trace_; }
  void note_failure(const std::string& what) {
    if (!failure_.empty() || abandoned_) return;
    failure_ = what;
    trace_.add_failure(network_.now(), what);
  }
  /// The node that runs now has logged this.
  void logged(std::string_view line);
  std::uint64_t breaking_strikes() const noexcept { return network_.breaking_strikes(); }
  std::uint64_t seed() const noexcept { return seed_; }
  std::int64_t elapsed() noexcept { return network_.now() - began_; }

  /// The world that runs on this thread.
  static WorldState* current() noexcept;

 private:
  /// A line of execution on the clients' side.
  struct Strand final : detail::Waiter {
    explicit Strand(Task<>&& what) : task(std::move(what)) {}
    void done() noexcept override { ended = true; }
    Task<> task;
    detail::Scope scope;
    bool ended = false;
    bool judged = false;
  };

  bool strikes() noexcept override;  // Memory.
  Node& add_node(const char* role);
  Node& add_worker(Service& service, unsigned index, const std::vector<int>& listeners);
  void make_room(Service& service);
  Model draw_model();
  void draw_options(Service& service);

  // One step of anybody; false: nothing can happen any more. Throws Stop.
  bool step();
  bool pass_time();
  void run_node(Node& node);
  /// Of a worker; nullptr: the clients' node.
  const Service* service_of(const Node& node) const noexcept;
  bool may_throw(const Node& node) const noexcept;
  std::string whose(std::string_view log_line);
  void make_trouble();
  void check_counts();
  void kill(Service& service, Node& node);

  void begin(const simulation::Scenario& scenario, simulation::World& world);
  void run_strands(Outcome& outcome);
  void judge(Strand& strand, Outcome& outcome);
  void settle();
  void stop_all();
  void run_to_end(const char* otherwise);
  void bury(Node& node);
  void close_all();
  void check_end();
  void abandon() noexcept;

  bool all_strands_ended() const noexcept;
  std::size_t open_on_servers() noexcept;
  void look_for_forgotten();
  std::string who_waits();

  const std::uint64_t seed_;
  const simulation::Exploration& exploration_;
  Trace trace_;
  base::Prng scenario_chance_;
  Network network_;
  NetworkWitness witness_{network_};
  const std::int64_t began_;
  std::uint64_t steps_ = 0;
  WorldState* before_;
  std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Node*> due_;
  Node* clients_ = nullptr;
  Node* running_ = nullptr;
  std::deque<Strand> strands_;
  bool ending_ = false;
  bool abandoned_ = false;  // Has failed, and is taken down.
  std::string failure_;     // Of a check; the first one.
};

/// The faults of a run: all, or the subset that swarm mode leaves on.
simulation::Faults draw_faults(std::uint64_t seed, const simulation::Exploration& exploration);

}  // namespace weir::simulated
