// ending.cpp - a run from its first to its last step, and what has to hold at its end.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <list>
#include <mutex>

#include "base/counters.h"
#include "simulation/world.h"

namespace weir::simulated {

Outcome WorldState::run(const simulation::Scenario& scenario) {
  Outcome outcome;
  simulation::World world(*this);
  detail::FrameFault* before = detail::exchange_frame_fault(this);
  try {
    begin(scenario, world);
    run_strands(outcome);
    settle();
    stop_all();
    close_all();
    check_end();
  } catch (const Stop& stop) {
    outcome.failed = true;
    outcome.what = stop.what();
  } catch (const std::exception& error) {
    outcome.failed = true;
    outcome.what = fmt::format("a worker failed: {}", one_line(error.what()));
  }
  ending_ = true;
  if (outcome.failed) {
    outcome.intact = breaking_strikes() == 0;
    trace_.add_failure(network_.now(), outcome.what);
    abandon();
  }
  detail::exchange_frame_fault(before);
  return outcome;
}

void WorldState::begin(const simulation::Scenario& scenario, simulation::World& world) {
  clients_ = &add_node("clients");
  clients_->start(draw_model());
  spawn(scenario(world));
}

void WorldState::spawn(Task<> task) {
  Strand& strand = strands_.emplace_back(std::move(task));
  clients_->act([&] {
    if (strand.task.start(strand.scope, strand)) strand.ended = true;
  });
}

bool WorldState::all_strands_ended() const noexcept {
  return std::ranges::all_of(strands_, [](const Strand& strand) { return strand.ended; });
}

void WorldState::run_strands(Outcome& outcome) {
  for (;;) {
    for (Strand& strand : strands_) {
      if (strand.ended && !strand.judged) judge(strand, outcome);
    }
    if (all_strands_ended()) return;
    if (!step()) throw Stop("deadlock: nothing can happen any more\n" + who_waits());
  }
}

void WorldState::judge(Strand& strand, Outcome& outcome) {
  strand.judged = true;
  try {
    strand.task.result();
  } catch (const Stop&) { throw; } catch (const IoError& error) {
    // The network broke a connection, and the scenario had no answer to that: no failure.
    if (breaking_strikes() == 0) {
      throw Stop(fmt::format("the scenario ended by an error, and no fault explains it: {}",
                             one_line(error.what())));
    }
    outcome.broken = true;
    trace_.add_text(network_.now(), Entry::note,
                    fmt::format("the scenario ends by {}", error.what()));
    for (Strand& other : strands_) {
      if (!other.ended) clients_->act([&] { other.scope.cancel(); });
    }
  } catch (const std::exception& error) {
    throw Stop(fmt::format("the scenario threw: {}", one_line(error.what())));
  }
}

std::size_t WorldState::open_on_servers() noexcept {
  std::size_t count = 0;
  for (auto& node : nodes_) {
    if (node->serves && !node->dead && !node->ended()) count += node->worker->open_sessions();
  }
  return count;
}

// The clients have gone: their sessions end by themselves, or wait for something else than them.
void WorldState::settle() {
  constexpr std::uint64_t enough = 200'000;
  const std::uint64_t until = steps_ + enough;
  while (open_on_servers() > 0 && steps_ < until) {
    if (!step()) break;
  }
  look_for_forgotten();
}

// Whoever waits for what the kernel has ready was forgotten.
void WorldState::look_for_forgotten() {
  if (network_.next_arrival() >= 0) return;
  for (auto& node : nodes_) {
    if (!node->worker || node->dead || node->ended() || node->due()) continue;
    if (node->wakes_at() >= 0) continue;
    node->worker->visit_sessions([&](detail::Session& session) {
      const detail::Socket& socket = session.socket();
      if (socket.fd < 0) return;
      const std::uint32_t state = network_.file(socket.fd)->state();
      const bool receives = socket.reader != nullptr && (state & kernel::event::readable) != 0;
      const bool sends = socket.writer != nullptr && (state & kernel::event::writable) != 0;
      if (receives || sends) {
        throw Stop("a session waits for what is there, and is never told\n" + who_waits());
      }
    });
  }
}

void WorldState::stop_all() {
  ending_ = true;
  for (auto& service : services_) stop(*service, 0);
  run_to_end("a stop does not end the server\n");
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->dead) bury(*nodes_[i]);
  }
}

void WorldState::run_to_end(const char* otherwise) {
  const auto all_ended = [this] {
    return std::ranges::all_of(
        nodes_, [](auto& node) { return !node->serves || node->dead || node->ended(); });
  };
  while (!all_ended()) {
    if (!step()) throw Stop(otherwise + who_waits());
  }
}

// The dead may now tidy up what they left in memory. The room had forgotten what they held.
void WorldState::bury(Node& node) {
  node.dead = false;
  node.calls.freeze();
  for (std::size_t left = node.worker->open_sessions(); left > 0; --left) {
    static_cast<void>(node.plan.room->enter(node.plan.index));
  }
  run_to_end("what a dead worker left in memory cannot be tidied up\n");
}

void WorldState::close_all() {
  while (clients_->worker->open_sessions() > 0) {
    if (!step()) throw Stop("a client's connection does not end\n" + who_waits());
  }
}

void WorldState::check_end() {
  strands_.clear();
  Statistics sum;
  for (auto& node : nodes_) {
    node->act([&] { node->worker->finish_timers(); });
    if (node->serves) base::add(sum, node->statistics());
    if (node->engine->leased() != 0) {
      throw Stop(
          fmt::format("worker {} leaks {} buffers", node->calls.name(), node->engine->leased()));
    }
  }
  if (sum.accepted != sum.closed) {
    throw Stop(
        fmt::format("{} connections were accepted and {} closed", sum.accepted, sum.closed));
  }
  for (auto& node : nodes_) {
    node->worker.reset();
    node->engine.reset();
    node->waker.close();
  }
  for (auto& service : services_) {
    const std::uint64_t held = service->room->memory().held();
    if (held != 0) throw Stop(fmt::format("{} bytes of buffers are counted and not held", held));
  }
  while (network_.next_arrival() >= 0) {
    network_.advance_to(network_.next_arrival());
    network_.deliver();
  }
  if (network_.open_count() != 0) {
    throw Stop(fmt::format("{} descriptors were left open", network_.open_count()));
  }
}

// A run that failed is taken down as far as that goes; what cannot end is left in memory.
void WorldState::abandon() noexcept {
  abandoned_ = true;
  try {
    for (Strand& strand : strands_) {
      if (!strand.ended) clients_->act([&] { strand.scope.cancel(); });
    }
    for (auto& service : services_) stop(*service, 0);
    constexpr std::uint64_t enough = 100'000;
    steps_ = 0;
    failure_.clear();
    const auto quiet = [this] {
      return all_strands_ended() && std::ranges::all_of(nodes_, [](auto& node) {
               return node->serves ? node->ended() : node->worker->open_sessions() == 0;
             });
    };
    while (!quiet() && steps_ < enough && step()) {}
    if (quiet()) {
      strands_.clear();
      for (auto& node : nodes_) node->act([&] { node->worker->finish_timers(); });
      return;
    }
  } catch (const std::exception&) {
    // It has failed already, and that is what is told.
  }
  // Destroying frames that an engine points at would be worse than leaving them.
  struct Remains {
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<std::unique_ptr<Service>> services;
    std::deque<Strand> strands;
  };
  // Pointed at for ever, so that nobody takes them for a leak of the scenario's.
  static std::mutex mutex;
  static auto& remains = *new std::list<Remains>;
  const std::lock_guard lock(mutex);
  remains.push_back({std::move(nodes_), std::move(services_), std::move(strands_)});
}

std::string WorldState::who_waits() {
  std::string text;
  const auto still = std::ranges::count_if(strands_, [](const auto& s) { return !s.ended; });
  text += fmt::format("  {} of the scenario's {} tasks have not ended\n", still, strands_.size());
  for (auto& node : nodes_) {
    if (!node->worker || node->ended()) continue;
    node->worker->visit_sessions([&](detail::Session& session) {
      const detail::Socket& socket = session.socket();
      const bool is_open = socket.fd >= 0;
      const Stream* stream = is_open ? network_.stream(socket.fd) : nullptr;
      if (stream == nullptr) return;
      const char* waits = socket.reader != nullptr && socket.writer != nullptr
                              ? "to receive and to send"
                          : socket.reader != nullptr ? "to receive"
                          : socket.writer != nullptr ? "to send"
                                                     : "for a timer, a channel or a task";
      text += fmt::format("  worker {}: {} waits {}; {} bytes unread, {} in its outbox\n",
                          node->calls.name(), stream->title(), waits, stream->in->unread(),
                          session.outbox_size());
    });
  }
  return text;
}

}  // namespace weir::simulated
