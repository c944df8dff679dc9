// world.cpp - making a world and taking turns in it. How a run ends is in ending.cpp.
#include "simulation/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/counters.h"
#include "engine/blocking.h"

namespace weir::simulated {
namespace {

constexpr std::uint64_t steps_max = 20'000'000;
constexpr std::uint64_t steps_between_counts = 64;
constinit thread_local WorldState* current_world = nullptr;

void take_log(LogLevel /*level*/, std::string_view line) { WorldState::current()->logged(line); }

}  // namespace

simulation::Faults draw_faults(std::uint64_t seed, const simulation::Exploration& exploration) {
  simulation::Faults faults = exploration.faults;
  if (!exploration.swarm) return faults;
  // Half of the faults at a time: rare ones would hide behind frequent ones otherwise.
  base::Prng chance(seed ^ 0x5eed'0f'fa'17'5);
  for (std::size_t i = 0; i < simulation::fault_count; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (fault != Fault::half_close && chance.chance(0.5)) faults[fault] = 0;
  }
  return faults;
}

WorldState* WorldState::current() noexcept { return current_world; }

WorldState::WorldState(std::uint64_t seed, const simulation::Exploration& exploration,
                       bool keep_trace)
    : seed_(seed),
      exploration_(exploration),
      trace_(keep_trace),
      scenario_chance_(seed ^ 0x5ce'4a'410),
      network_(seed, draw_faults(seed, exploration), trace_),
      began_(network_.now()),
      before_(std::exchange(current_world, this)) {}

WorldState::~WorldState() {
  strands_.clear();
  for (auto& node : nodes_) node.reset();
  current_world = before_;
}

bool WorldState::strikes() noexcept {
  return running_ != nullptr && running_->serves && !ending_ && network_.strikes(Fault::memory);
}

// --- servers ---------------------------------------------------------------------------------

Node& WorldState::add_node(const char* /*role*/) {
  const auto name = static_cast<unsigned>(nodes_.size());
  Node& node = *nodes_.emplace_back(std::make_unique<Node>(network_, name));
  node.plan.log = take_log;
  node.plan.witness = &witness_;
  return node;
}

Model WorldState::draw_model() {
  constexpr Model many[] = {Model::poll, Model::epoll_lt, Model::epoll_et, Model::io_uring};
  return many[network_.chance().below(std::size(many))];
}

// What makes no difference to a handler is left to the seed, where nobody has chosen.
void WorldState::draw_options(Service& service) {
  const Options usual;
  Options& options = service.serving.options;
  base::Prng& chance = network_.chance();
  if (options.budget_operations == usual.budget_operations) {
    options.budget_operations = chance.chance(0.3) ? 1 + unsigned(chance.below(3)) : 64;
  }
  if (!options.send_when_writable) options.send_when_writable = chance.chance(0.2);
  if (!options.reuse_port) options.reuse_port = chance.chance(0.5);
  if (!service.serving.unix_socket) service.serving.unix_socket = chance.chance(0.2);
}

Service& WorldState::serve(std::unique_ptr<detail::Handler> handler,
                           const simulation::Serving& serving) {
  Service& service = *services_.emplace_back(std::make_unique<Service>());
  service.world = this;
  service.number = static_cast<unsigned>(services_.size());
  service.handler = std::move(handler);
  service.serving = serving;
  service.admission = std::make_unique<detail::Admission>(serving.options);
  service.model = serving.model == Model::automatic ? draw_model() : serving.model;
  if (serving.drawn) draw_options(service);
  if (service.serving.unix_socket) {
    service.endpoint = Endpoint::parse(fmt::format("unix:/simulated/{}", service.number));
  } else {
    service.endpoint = Endpoint::parse(fmt::format("10.0.0.{}:7000", service.number));
  }
  make_room(service);
  const Options& options = service.serving.options;
  const auto backlog = static_cast<std::size_t>(std::max(options.backlog, 1));
  int first = -1;
  for (unsigned worker = 0; worker < options.workers; ++worker) {
    const bool own = options.reuse_port || first < 0;
    const int listener =
        own ? network_.listen(service.endpoint, backlog) : network_.duplicate(first);
    if (first < 0) first = listener;
    if (service.model == Model::iterative) {
      network_.file(listener)->blocking_bound = detail::BlockingEngine::blocking_bound;
    }
    add_worker(service, worker, {listener});
  }
  return service;
}

// As a real server has it (server/launch.cpp), but descriptors never run out.
void WorldState::make_room(Service& service) {
  constexpr std::uint32_t very_many = 100'000;
  const Options& options = service.serving.options;
  detail::Room::Limits limits;
  limits.workers = options.workers;
  limits.connections = options.connections_max != 0 ? options.connections_max : very_many;
  limits.per_address = options.connections_per_address;
  limits.memory = options.memory_max;
  limits.seed = seed_;
  service.room_memory.resize(detail::Room::size(limits) / sizeof(Service::Line) + 1);
  service.room = std::make_unique<detail::Room>(limits, service.room_memory.data());
}

Node& WorldState::add_worker(Service& service, unsigned index,
                             const std::vector<int>& listeners) {
  Node& node = add_node("server");
  node.serves = true;
  const bool process = service.serving.options.worker_kind == WorkerKind::process;
  if (process) node.process = node.calls.name() + 1;
  node.plan.handler = service.handler.get();
  node.plan.options = service.serving.options;
  node.plan.options.spin_before_sleep = {};  // Time would stand still.
  node.plan.admission = service.admission->decides() ? service.admission.get() : nullptr;
  node.plan.listeners = listeners;
  const bool has_own = service.serving.options.reuse_port || service.serving.options.workers == 1;
  node.plan.shares_listeners = !has_own;
  node.plan.room = service.room.get();
  node.plan.index = index;
  if (service.model == Model::iterative) node.plan.connections_max = 1;
  service.nodes.push_back(&node);
  trace_.add(network_.now(), Entry::listening, node.calls.name(),
             static_cast<std::uint64_t>(service.model));
  Node* before = std::exchange(running_, &node);
  node.start(service.model);
  running_ = before;
  return node;
}

void WorldState::stop(Service& service, std::int64_t drain) noexcept {
  trace_.add(network_.now(), Entry::stop, service.number,
             static_cast<std::uint64_t>(drain / 1'000'000));
  service.stopping = true;
  for (Node* node : service.nodes) node->control.request_stop(drain);
}

bool WorldState::stopped(const Service& service) const noexcept {
  return std::ranges::all_of(service.nodes,
                             [](Node* node) { return node->dead || node->ended(); });
}

Statistics WorldState::statistics(const Service& service) const noexcept {
  Statistics sum;
  for (const Node* node : service.nodes) base::add(sum, node->statistics());
  sum.open_peak = service.room->open_peak();
  sum.buffer_bytes = service.room->memory().held();
  sum.buffer_bytes_peak = service.room->memory().peak();
  return sum;
}

// --- turns -----------------------------------------------------------------------------------

bool WorldState::step() {
  if (++steps_ > steps_max) throw Stop("the run does not end\n" + who_waits());
  due_.clear();
  for (auto& node : nodes_) {
    if (node->worker && !node->dead && !node->ended() && node->due()) {
      due_.push_back(node.get());
    }
  }
  const std::int64_t next = network_.next_arrival();
  const bool arrives = next >= 0 && next <= network_.now();
  const std::size_t choices = due_.size() + (arrives ? 1 : 0);
  if (choices == 0) return pass_time();
  const std::size_t chosen = choices == 1 ? 0 : network_.chance().below(choices);
  if (chosen == due_.size()) {
    network_.deliver();
  } else {
    run_node(*due_[chosen]);
  }
  if (!network_.misuse().empty()) throw Stop(network_.misuse());
  if (!failure_.empty()) throw Stop(failure_);
  if (steps_ % steps_between_counts == 0) check_counts();
  if (!ending_) make_trouble();
  return true;
}

// Each connection that was accepted is open or was closed, in whatever moment one looks.
void WorldState::check_counts() {
  for (auto& node : nodes_) {
    if (!node->serves || !node->worker || node->dead) continue;
    std::uint64_t open = 0;
    node->worker->visit_sessions(
        [&](detail::Session& each) { open += each.is_client() ? 0 : 1; });
    const Statistics& seen = node->statistics();
    if (seen.accepted == open + seen.closed) continue;
    throw Stop(fmt::format("worker {}: {} connections were accepted, {} are open, {} were closed",
                           node->calls.name(), seen.accepted, open, seen.closed));
  }
}

void WorldState::run_node(Node& node) {
  Node* before = std::exchange(running_, &node);
  node.turn();
  running_ = before;
  trace_.add(network_.now(), Entry::turn, node.calls.name());
  if (node.calls.overslept()) {
    throw Stop(fmt::format("worker {} had work to do and went to sleep", node.calls.name()));
  }
  // One that is taken down may yet end.
  if (node.rounds.too_many() && !abandoned_) throw Stop(node.rounds.what(node, network_));
  // Work takes time, so that nobody is busy for ever at one moment.
  network_.advance_to(network_.now() + 1'000 + static_cast<std::int64_t>(steps_ & 1023));
}

bool WorldState::pass_time() {
  std::int64_t next = network_.next_arrival();
  for (auto& node : nodes_) {
    if (!node->worker || node->dead || node->ended()) continue;
    const std::int64_t wakes = node->wakes_at();
    if (wakes >= 0 && (next < 0 || wakes < next)) next = wakes;
  }
  if (next < 0) return false;
  network_.advance_to(next);
  if (network_.strikes(Fault::clock_leap)) {
    network_.advance_to(network_.now() + network_.chance().between(1, 4'000) * 1'000'000);
  }
  if (elapsed() > std::chrono::nanoseconds(exploration_.patience).count()) {
    throw Stop("the run does not end within its patience\n" + who_waits());
  }
  return true;
}

// Servers that are stopped, workers that die: at any moment, between any two steps.
void WorldState::make_trouble() {
  if (services_.empty() || clients_->ended()) return;
  if (network_.faults()[Fault::stop] > 0 && network_.strikes(Fault::stop)) {
    Service& service = *services_[network_.chance().below(services_.size())];
    if (!service.stopping) stop(service, network_.chance().between(0, 2'000) * 1'000'000);
  }
  if (network_.faults()[Fault::worker_death] > 0 &&
      network_.chance().chance(network_.faults()[Fault::worker_death])) {
    Service& service = *services_[network_.chance().below(services_.size())];
    Node& node = *service.nodes[network_.chance().below(service.nodes.size())];
    const bool process = service.serving.options.worker_kind == WorkerKind::process;
    if (process && !service.stopping && !node.dead && !node.ended()) kill(service, node);
  }
}

// The kernel closes what a dead process had open: its peers see resets. Its memory is tidied up
// when the world ends. What waits at its listener waits for the one that takes its place.
void WorldState::kill(Service& service, Node& node) {
  network_.note_strike(Fault::worker_death);
  trace_.add(network_.now(), Entry::died, node.calls.name());
  node.dead = true;
  std::vector<int> listeners;
  for (const int listener : node.plan.listeners) {
    listeners.push_back(network_.duplicate(listener));
  }
  network_.end_process(node.calls.name(), node.plan.listeners);
  service.room->forget(node.plan.index);
  add_worker(service, node.plan.index, listeners);
}

}  // namespace weir::simulated
