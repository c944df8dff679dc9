#include <weir/server.h>

#include <new>
#include <string>
#include <system_error>
#include <utility>

#include <weir/misuse.h>

#include "base/duration.h"
#include "os/inherited.h"
#include "os/signals.h"
#include "server/launch.h"
#include "server/report.h"
#include "server/state.h"
#include "server/supervisor.h"

namespace weir {
namespace {

// What comes too late would be ignored.
void check_setting(bool started, const char* what) {
  if (!started) return;
  throw StartError(std::string(what) + "() after start(): a server is set up before it starts");
}

}  // namespace

Server::Server(detail::Handler* handler) : state_(new State(*this, handler)) {}

Server::~Server() {
  if (state_->started) {
    stop();
    wait();
  }
  delete state_;
}

Server& Server::named(std::string_view handler) {
  check_setting(state_->started, "named");
  state_->handler_name = handler;
  return *this;
}
Server& Server::listen(std::string_view endpoint) {
  check_setting(state_->started, "listen");
  state_->addresses.emplace_back(endpoint);
  return *this;
}
Server& Server::listen(const Endpoint& endpoint) { return listen(endpoint.text()); }
Server& Server::listen_descriptor(int descriptor) {
  return listen("fd:" + std::to_string(descriptor));
}
Server& Server::model(Model model) {
  check_setting(state_->started, "model");
  state_->model = model;
  return *this;
}
Server& Server::workers(unsigned count, WorkerKind kind) {
  check_setting(state_->started, "workers");
  state_->options.workers = count;
  state_->options.worker_kind = kind;
  return *this;
}
Server& Server::options(const Options& options) {
  check_setting(state_->started, "options");
  state_->options = options;
  return *this;
}
Server& Server::handle_signals() {
  check_setting(state_->started, "handle_signals");
  state_->handles_signals = true;
  return *this;
}
Server& Server::as_service() {
  check_setting(state_->started, "as_service");
  state_->is_service = true;
  return *this;
}
bool Server::is_given_listeners() { return os::count_inherited() > 0; }
Server& Server::on_log(LogFunction log) {
  check_setting(state_->started, "on_log");
  state_->log = log;
  return *this;
}
Server& Server::on_statistics(StatisticsFunction report) {
  check_setting(state_->started, "on_statistics");
  state_->on_statistics = report;
  return *this;
}

int Server::run() {
  try {
    start();
  } catch (const StartError& error) {
    detail::report(error.what());
    return 2;
  } catch (const std::bad_alloc&) {  // For the words of a StartError.
    detail::report("cannot start: out of memory");
    return 2;
  }
  const int code = wait();
  if (code == 2 && state_->log == nullptr) {
    try {
      detail::report(("cannot start: " + state_->members.front().failure).c_str());
    } catch (const std::bad_alloc&) { detail::report("cannot start: out of memory"); }
  }
  return code;
}

void Server::start() {
  State& state = *state_;
  check_setting(state.started, "start");
  try {
    detail::check_options(state.options);
    state.chosen = detail::resolve_model(state.model);
    state.cpus = detail::cpus_of(state.options);
    state.identity = detail::identity_of(state.options);
    detail::Inheritance inheritance;
    if (state.is_service) inheritance = state.begin_service();
    if (state.addresses.empty() && inheritance.empty()) {
      throw StartError("no address to listen on; call listen()");
    }
    state.make_members(std::move(inheritance));
    state.start_members();
  } catch (const std::system_error& error) {
    throw StartError(std::string("cannot start: ") + error.what());
  } catch (const std::bad_alloc&) { throw StartError("cannot start: out of memory"); }
}

int Server::wait() {
  State& state = *state_;
  if (!state.started) return 0;
  if (state.lone()) {
    state.members.front().run();
    state.bell->ring();
    if (state.supervised) state.supervisor.join();
  } else {
    detail::Supervisor(state).run();
    for (detail::Member& member : state.members) {
      if (member.has_thread) member.thread.join();
    }
  }
  return state.finish();
}

void Server::stop(std::chrono::milliseconds deadline) noexcept {
  if (state_->started) state_->request_stop(base::nanoseconds(deadline));
}

void Server::restart() noexcept {
  if (!state_->is_service) detail::misuse("restart() of a server that is no service", "Server");
  if (state_->started) state_->request_restart();
}

std::vector<Endpoint> Server::endpoints() const { return state_->endpoints; }
Choice Server::chosen() const { return state_->chosen; }
Statistics Server::statistics() const { return state_->statistics(); }

}  // namespace weir
