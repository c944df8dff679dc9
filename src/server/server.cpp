#include <weir/server.h>

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <system_error>

#include "base/assert.h"
#include "base/counters.h"
#include "base/process_epoch.h"
#include "os/calls.h"
#include "os/clock.h"
#include "os/socket.h"
#include "server/launch.h"
#include "server/report.h"

namespace weir {

using detail::Member;

struct Server::State {
  explicit State(detail::Handler* given) : handler(given) {}

  void make_members();
  void start_process(Member& member);
  void wait_for_children();
  int finish();
  void request_stop(std::int64_t drain) noexcept;
  void say(LogLevel level, const std::string& line) const {
    if (log != nullptr) log(level, line);
  }

  std::unique_ptr<detail::Handler> handler;
  std::vector<std::string> addresses;  // As given; read by start().
  std::vector<Endpoint> endpoints;
  Options options;
  Model model = Model::automatic;
  LogFunction log = nullptr;
  bool handles_signals = false;

  Choice chosen{Model::automatic, {}};
  os::SharedStatistics statistics;
  std::list<Member> members;
  std::unique_ptr<os::Children> children;  // The process workers.
  bool started = false;

  // For signal handlers.
  std::atomic<int> signals{0};
  std::atomic<std::int64_t> drain_asked{-1};
};

namespace {

std::int64_t nanoseconds(std::chrono::milliseconds duration) noexcept {
  return std::chrono::nanoseconds(duration).count();
}

}  // namespace

Server::Server(detail::Handler* handler) : state_(new State(handler)) {}

Server::~Server() {
  if (state_->started) {
    stop();
    wait();
  }
  delete state_;
}

Server& Server::listen(std::string_view endpoint) {
  state_->addresses.emplace_back(endpoint);
  return *this;
}
Server& Server::listen(const Endpoint& endpoint) { return listen(endpoint.text()); }
Server& Server::model(Model model) {
  state_->model = model;
  return *this;
}
Server& Server::workers(unsigned count, WorkerKind kind) {
  state_->options.workers = count;
  state_->options.worker_kind = kind;
  return *this;
}
Server& Server::options(const Options& options) {
  state_->options = options;
  return *this;
}
Server& Server::handle_signals() {
  state_->handles_signals = true;
  return *this;
}
Server& Server::on_log(LogFunction log) {
  state_->log = log;
  return *this;
}

int Server::run() {
  try {
    start();
  } catch (const StartError& error) {
    detail::report(error.what());
    return 2;
  }
  return wait();
}

// --- starting --------------------------------------------------------------------------------

void Server::start() {
  State& state = *state_;
  ASSERT(!state.started);
  detail::check_options(state.options);
  state.endpoints.clear();
  for (const std::string& address : state.addresses) {
    state.endpoints.push_back(Endpoint::parse(address));
  }
  if (state.endpoints.empty()) throw StartError("no address to listen on; call listen()");
  state.chosen = detail::resolve_model(state.model);
  state.make_members();
  state.started = true;
  for (const Endpoint& endpoint : state.endpoints) {
    state.say(LogLevel::info, fmt::format("listening on {}, model {} ({})", endpoint.text(),
                                          name(state.chosen.model), state.chosen.reason));
  }
  if (state.handles_signals) {
    // The first signal drains, a second ends at once.
    const auto on_signal = [](void* self) {
      auto& told = *static_cast<State*>(self);
      const bool first = told.signals.fetch_add(1) == 0;
      told.request_stop(first ? nanoseconds(told.options.drain) : 0);
    };
    os::on_termination(on_signal, state_);
  }
  const bool processes = state.options.worker_kind == WorkerKind::process;
  if (processes) state.children = std::make_unique<os::Children>();
  for (Member& member : state.members) {
    if (processes) {
      state.start_process(member);
    } else if (state.members.size() > 1) {
      const auto body = [](void* member_) noexcept { static_cast<Member*>(member_)->run(); };
      const int error = member.thread.start(0, body, &member);
      if (error != 0) throw StartError("cannot start a worker's thread");
      member.has_thread = true;
    }
  }
}

void Server::State::make_members() {
  const detail::ModelEntry& entry = detail::entry(chosen.model);
  std::vector<detail::Fds> listeners = detail::open_listeners(endpoints, options, entry);
  members.clear();
  for (unsigned index = 0; index < options.workers; ++index) {
    Member& member = members.emplace_back();
    member.model = &entry;
    member.statistics = &statistics;
    member.plan.handler = handler.get();
    member.plan.options = options;
    member.plan.connections_max = detail::connections_share(options, index);
    member.plan.index = index;
    member.plan.control = &member.control;
    member.plan.calls = &os::calls();
    member.plan.log = log;
    for (os::Fd& listener : listeners[index]) member.plan.listeners.push_back(listener.release());
  }
}

void Server::State::start_process(Member& member) {
  const int child = children->fork();
  if (child < 0) {
    throw StartError(fmt::format("cannot start a worker process: {}",
                                 std::generic_category().message(-child)));
  }
  if (child > 0) return;
  base::enter_child_process();
  base::counters = Statistics{};
  // Only this worker's listeners stay open here: a listener that nobody accepts from would keep
  // its backlog for itself.
  for (Member& other : members) {
    if (&other == &member) continue;
    for (const int listener : other.plan.listeners) os::close_fd(listener);
  }
  const auto drain = [](void* m) {
    auto& told = *static_cast<Member*>(m);
    told.control.request_stop(nanoseconds(told.plan.options.drain));
  };
  const auto cut = [](void* m) { static_cast<Member*>(m)->control.request_stop(0); };
  os::on_parents_signals(drain, cut, &member);
  member.run();
  if (!member.failure.empty()) {
    say(LogLevel::error, fmt::format("worker {} failed: {}", member.plan.index, member.failure));
  }
  os::exit_now(member.failure.empty() ? 0 : 1);
}

// --- stopping --------------------------------------------------------------------------------

void Server::stop(std::chrono::milliseconds deadline) noexcept {
  state_->request_stop(nanoseconds(deadline));
}

// May run inside a signal handler: atomics and write(2) only.
void Server::State::request_stop(std::int64_t drain) noexcept {
  drain_asked.store(drain);
  for (Member& member : members) member.control.request_stop(drain);
}

int Server::wait() {
  State& state = *state_;
  if (!state.started) return 0;
  if (state.children != nullptr) {
    state.wait_for_children();
  } else if (state.members.size() == 1) {
    state.members.front().run();
  } else {
    for (Member& member : state.members) member.thread.join();
  }
  return state.finish();
}

// The parent of process workers owns no socket of theirs: it waits, passes a stop on, and reaps.
void Server::State::wait_for_children() {
  constexpr std::int64_t interval = 20'000'000;
  for (Member& member : members) {
    for (const int listener : member.plan.listeners) os::close_fd(listener);
  }
  std::int64_t passed_on = -1;
  std::int64_t kill_at = -1;
  while (children->reap() > 0) {
    const std::int64_t drain = drain_asked.load();
    if (drain >= 0 && drain != passed_on) {
      children->end(drain == 0 ? os::Children::How::cut : os::Children::How::drain);
      passed_on = drain;
      // A worker whose handler does not return is not waited for.
      kill_at = os::monotonic_clock().now() + drain + 2'000'000'000;
    }
    if (kill_at >= 0 && os::monotonic_clock().now() > kill_at) {
      children->end(os::Children::How::kill);
    }
    os::rest(interval);
  }
  children.reset();
}

int Server::State::finish() {
  if (handles_signals) os::on_termination(nullptr, nullptr);
  started = false;
  for (const Endpoint& endpoint : endpoints) os::remove_own_socket(endpoint);
  int code = 0;
  for (const Member& member : members) {
    if (member.failure.empty()) continue;
    say(LogLevel::error, fmt::format("worker {} failed: {}", member.plan.index, member.failure));
    code = 1;
  }
  if (code == 0 && statistics.sum().cut > 0) code = 3;
  return code;
}

// --- asking ----------------------------------------------------------------------------------

std::vector<Endpoint> Server::endpoints() const { return state_->endpoints; }
Choice Server::chosen() const { return state_->chosen; }
Statistics Server::statistics() const { return state_->statistics.sum(); }

}  // namespace weir
