#include "server/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <system_error>

#include "base/counters.h"
#include "base/duration.h"
#include "base/process_epoch.h"
#include "engine/blocking.h"
#include "os/calls.h"
#include "os/clock.h"
#include "os/poll.h"
#include "os/signals.h"
#include "server/launch.h"
#include "server/stall_watch.h"
#include "server/supervisor.h"

namespace weir {

using detail::Member;

namespace {

os::ListenOptions listen_options(const Options& options, const detail::ModelEntry& model) {
  os::ListenOptions how;
  how.backlog = options.backlog;
  how.reuse_port = options.reuse_port && options.workers > 1;
  how.dual_stack = options.dual_stack;
  how.unix_mode = options.unix_mode;
  how.mode = model.blocks ? os::Mode::blocking : os::Mode::nonblocking;
  if (model.blocks) how.blocking_bound = detail::BlockingEngine::blocking_bound;
  return how;
}

}  // namespace

Server::State::State(const Server& whose, detail::Handler* given)
    : server(whose), handler(given) {}
Server::State::~State() = default;

// --- starting --------------------------------------------------------------------------------

detail::Inheritance Server::State::begin_service() {
  service.begin();
  detail::Inheritance inheritance = detail::Inheritance::take();
  service.answer_on(inheritance.take_ready());
  program = os::Program::of_this_process();
  return inheritance;
}

// Whoever connects there would wait for ever. Until we are ready a predecessor may go on, and then
// its socket needs its name.
void Server::State::close_unclaimed(detail::Inheritance& inheritance) {
  unclaimed_files.clear();
  while (!inheritance.empty()) {
    const auto sockets = inheritance.claim_next();
    const Endpoint& where = sockets.front().endpoint;
    say(LogLevel::warning, fmt::format("{} was handed to this process, which is not asked to "
                                       "listen there: closed",
                                       where.text()));
    if (sockets.front().owned) unclaimed_files.push_back(os::SocketFile::of(where));
  }
}

void Server::State::ready(std::string_view status) noexcept {
  for (os::SocketFile& file : unclaimed_files) file.remove();
  unclaimed_files.clear();
  service.ready(status);
}

void Server::State::make_members(detail::Inheritance inheritance) {
  const detail::ModelEntry& entry = detail::entry(chosen.model);
  members.clear();
  ledger = std::make_unique<os::Ledger>(options.workers);
  ledger->call();  // The workers' first answer says that they run.
  const detail::Room::Limits limits = detail::limits_of(options);
  room_memory = std::make_unique<os::SharedMemory>(detail::Room::size(limits));
  room = std::make_unique<detail::Room>(limits, room_memory->data());
  admission = std::make_unique<detail::Admission>(options);
  bell = std::make_unique<os::Bell>();
  supervisor_process = os::process_id();
  supervised = false;
  stop_signals = 0;
  lost_in_stop = 0;
  // The child that learns whose connection it is may be killed, and its parent never learns it.
  if (chosen.model == Model::fork && options.connections_per_address != 0 &&
      !options.proxy_from.empty()) {
    say(LogLevel::warning, "fork: connections_per_address does not hold for clients of a proxy");
  }
  listeners.open(addresses, options, listen_options(options, entry), inheritance);
  close_unclaimed(inheritance);
  endpoints = listeners.endpoints();
  if (identity) give_up_root();
  for (unsigned index = 0; index < options.workers; ++index) {
    Member& member = members.emplace_back();
    member.model = &entry;
    member.ledger = ledger.get();
    member.bell = bell.get();
    if (!cpus.empty()) member.cpu = cpus[index];
    member.plan.handler = handler.get();
    member.plan.options = options;
    member.plan.room = room.get();
    member.plan.admission = admission->decides() ? admission.get() : nullptr;
    member.plan.index = index;
    member.plan.control = &member.control;
    member.plan.calls = &os::calls();
    member.plan.log = log;
    member.plan.host = this;
    member.plan.shares_listeners = listeners.are_shared();
    member.plan.clients_have_bound = listeners.clients_have_bound();
  }
}

// Between binding, which may need root, and the first client.
void Server::State::give_up_root() {
  try {
    if (!identity->is_ours()) listeners.give_files(*identity);
    os::become(*identity);
  } catch (...) {
    listeners.abandon();
    throw;
  }
}

void Server::State::start_members() {
  try {
    if (!processes()) {
      for (Member& member : members) {
        member.plan.listeners = listeners.duplicates(member.plan.index);
      }
    }
    check_listeners();
    started = true;
    if (handles_signals) {
      const auto on_signal = [](os::Request request, void* self) {
        static_cast<State*>(self)->on_signal(request);
      };
      if (!os::on_signals(on_signal, this, is_service))
        throw StartError("handle_signals(): another server of this process has the signals");
    }
    // Whoever reads that we listen may send a signal at once.
    for (const Endpoint& endpoint : endpoints) {
      say(LogLevel::info, fmt::format("listening on {}, model {} ({})", endpoint.text(),
                                      name(chosen.model), chosen.reason));
    }
    if (!processes()) {
      stall_watch = std::make_unique<detail::StallWatch>(*this);
      for (Member& member : members) stall_watch->add(member);
      stall_watch->begin();
    }
    for (Member& member : members) start_member(member);
    await_members();
    if (!lone() && !stopping()) ready(status());
  } catch (...) {
    abandon_start();
    throw;
  }
}

// From one that its model cannot watch nobody would be accepted.
void Server::State::check_listeners() const {
  const auto end = detail::entry(chosen.model).descriptors_end;
  if (end == nullptr) return;
  int largest = processes() ? listeners.largest() : -1;
  for (const Member& member : members) {
    for (const int listener : member.plan.listeners) largest = std::max(largest, listener);
  }
  if (largest < end()) return;
  throw StartError(
      fmt::format("model {} watches descriptors below {} only, and a listener has {}: close some "
                  "of those that are open, or choose another model",
                  name(chosen.model), end(), largest));
}

void Server::State::start_member(Member& member) {
  if (processes()) return start_process(member);
  if (lone()) return;  // wait() runs it.
  const auto body = [](void* it) noexcept { static_cast<Member*>(it)->run(); };
  if (const int error = member.thread.start(0, body, &member); error != 0) {
    throw StartError(fmt::format("cannot start a worker's thread: {}",
                                 std::generic_category().message(error)));
  }
  member.has_thread = true;
}

// Until every worker runs: then one that cannot is an error of the start.
void Server::State::await_members() {
  for (Member& member : members) {
    while (!lone() && !ledger->answered(member.plan.index, 1)) {
      os::Ending ending;
      if (member.process.reap(ending)) {
        if (stopping()) break;
        throw StartError(fmt::format("worker {} {} at its start", member.plan.index,
                                     detail::described(ending)));
      }
      if (member.ended && !member.failure.empty()) {
        throw StartError(
            fmt::format("worker {} cannot start: {}", member.plan.index, member.failure));
      }
      if (member.ended) break;  // A stop has come already.
      std::array news{os::PollEntry{bell->fd(), os::poll_readable, 0},
                      os::PollEntry{member.process.fd(), os::poll_readable, 0}};
      constexpr std::int64_t unheard = 20'000'000;  // A death of which no descriptor tells.
      os::poll(news.data(), news.size(), unheard);
      bell->clear();
    }
  }
}

// What has begun ends; nothing of it is left. A signal walks through the workers, so no signal must
// come to us any more when they go.
void Server::State::abandon_start() noexcept {
  request_stop(0);
  os::give_back_signals(this);
  for (Member& member : members) {
    if (member.has_thread) {
      member.thread.join();
    } else {
      for (const int listener : member.plan.listeners) os::close_fd(listener);
    }
  }
  stall_watch.reset();
  members.clear();  // Kills the processes.
  listeners.abandon();
  started = false;
}

void Server::State::start_process(Member& member) {
  member.started_at = os::monotonic_clock().now();
  member.start_again_at = -1;
  const int child = member.process.fork();
  if (child < 0) {
    throw StartError(fmt::format("cannot start a worker process: {}",
                                 std::generic_category().message(-child)));
  }
  if (child == 0) run_process(member);
  member.process_id = child;
}

void Server::State::run_process(Member& member) noexcept {
  base::enter_child_process();
  base::counters = Statistics{};
  service.drop();
  for (Member& other : members) other.process.forget();
  if (handover != nullptr) handover->drop();
  // Only this worker's listeners stay open here: a listener that nobody accepts from would keep
  // its backlog for itself.
  try {
    member.plan.listeners = listeners.take(member.plan.index);
  } catch (const std::bad_alloc&) {
    if (log != nullptr) log(LogLevel::error, "a worker failed at its start: out of memory");
    os::exit_now(1);
  }
  const auto drain = [](void* it, os::Sender sender) {
    auto& told = *static_cast<Member*>(it);
    const std::int64_t asked = told.ledger->stop_drain();
    // A parent that lives notes it before it asks: only the thread that forked has ended.
    if (asked < 0 && sender == os::Sender::living_parent) return;
    told.control.request_stop(asked >= 0 ? asked : base::nanoseconds(told.plan.options.drain));
  };
  const auto cut = [](void* it) { static_cast<Member*>(it)->control.request_stop(0); };
  const auto look = [](void* it) { static_cast<Member*>(it)->control.waker.wake(); };
  os::on_parents_signals({drain, cut, look, &member, supervisor_process});
  {
    detail::StallWatch watch(*this);
    watch.add(member);
    watch.begin();
    member.run();
  }
  if (!member.failure.empty()) {
    say_made(LogLevel::error, [&member] {
      return fmt::format("worker {} failed: {}", member.plan.index, member.failure);
    });
  }
  os::exit_now(member.failure.empty() ? 0 : 1);
}

// --- stopping --------------------------------------------------------------------------------

void Server::State::on_signal(os::Request request) noexcept {
  switch (request) {
    case os::Request::stop:
      // The first signal drains. A second ends at once, also if a handler never returns.
      if (stop_signals.fetch_add(1) > 0) {
        request_stop(0);
        os::exit_soon(3, 3);
        return;
      }
      return request_stop(base::nanoseconds(options.drain));
    case os::Request::report: report_asked = true; break;
    case os::Request::restart: return request_restart();
  }
  ring();
}

void Server::State::request_restart() noexcept {
  ledger->ask_to_restart();
  ring();
}

void Server::State::ring() noexcept {
  bell->ring();
  if (lone()) members.front().control.waker.wake();
}

// May run inside a signal handler: atomics and write(2) only.
void Server::State::request_stop(std::int64_t drain) noexcept {
  ledger->ask_to_stop(drain);
  for (Member& member : members) member.control.request_stop(drain);
  bell->ring();
}

// Whoever was to be replaced goes on as long as it has not heard that we are ready.
void Server::State::close_listeners() noexcept {
  const std::lock_guard lock(listeners_mutex);
  service.is_ready() ? listeners.close() : listeners.abandon();
}

int Server::State::finish() {
  close_listeners();
  stall_watch.reset();
  if (handles_signals) {
    os::give_back_signals(this);
    if (stop_signals.load() > 1) os::cancel_exit_soon();
  }
  started = false;
  int code = 0;
  for (const Member& member : members) {
    if (member.failed) code = 1;
    if (member.failure.empty()) continue;
    // A lone worker starts in wait(). What others throw from start() it says here.
    const bool began = ledger->answered(member.plan.index, 1);
    say(LogLevel::error, fmt::format("worker {} {}: {}", member.plan.index,
                                     began ? "failed" : "cannot start", member.failure));
    code = began ? 1 : 2;
  }
  const std::uint64_t cut = ledger->sum().cut;
  if (cut + lost_in_stop > 0) {
    say(LogLevel::warning,
        lost_in_stop == 0
            ? fmt::format("{} connections were cut", cut)
            : fmt::format(
                  "{} connections were cut, {} were lost with workers that had to be killed", cut,
                  lost_in_stop.load()));
    if (code == 0) code = 3;
  }
  return code;
}

// --- for the workers -------------------------------------------------------------------------

void Server::State::woken(unsigned worker) noexcept {
  if (stopping() && !processes()) {
    service.stopping();
    close_listeners();
  }
  if (ledger->is_called(worker)) counted(worker);
  if (!lone()) return;
  if (!stopping()) ready("starting");
  if (report_asked || ledger->asked_to_restart() || service.watchdog() != 0)
    supervise_in_background();
}

void Server::State::counted(unsigned worker) noexcept {
  if (ledger->answer(worker, base::counters)) bell->ring();
}

Statistics Server::State::statistics() const noexcept {
  if (ledger == nullptr) return {};
  Statistics sum = ledger->sum();
  sum.open_peak = room->open_peak();
  sum.buffer_bytes = room->memory().held();
  sum.buffer_bytes_peak = room->memory().peak();
  return sum;
}

// The bell stays: a handler there may stop the server, whose supervisor then closes its listeners.
void Server::State::forked() noexcept {
  listeners.drop();
  service.drop();
}

void Server::State::supervise_in_background() noexcept {
  if (supervised.exchange(true)) return;
  // The signals stay with the thread that waits: they end its blocking calls.
  const os::SignalsHeld held;
  const auto body = [](void* it) noexcept { detail::Supervisor(*static_cast<State*>(it)).run(); };
  if (supervisor.start(0, body, this) == 0) return;
  supervised = false;
  report_asked = false;
  ledger->take_restart();
  say_made(LogLevel::error, [] { return "cannot start a thread that answers the signal"; });
}

}  // namespace weir
