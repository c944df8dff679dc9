// fork.cpp - a child process for each client.
//
// Recipe (the lecture notes' "several processes"): `recipe` below.
//
// A crash in one child leaves the others alone. Nothing is shared: what a handler changes in
// memory is seen by that client only.
#include <chrono>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include <weir/task.h>

#include "base/counters.h"
#include "base/duration.h"
#include "base/process_epoch.h"
#include "engine/blocking.h"
#include "model/model.h"
#include "model/serve_one.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/listening.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/waker.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Wait for a client: blocking accept.", "engine/blocking", "accept4 poll"},
    {"Fork. The child closes the listener and serves the client with blocking calls.",
     "run_child()", "fork close! recv! send! sendmsg! poll! shutdown! exit!"},
    {"The parent closes its copy of the client's socket at once.", "serve()", "close"},
    {"Reclaim the children that have ended.", "open()", "waitid waitpid"},
};

/// How a child tells what its session came to: exit codes that nothing else uses.
enum ExitCode : int { session_ended = 0, session_failed = 41, session_cut, session_timed_out };

int exit_code(const Statistics& counted) noexcept {
  if (counted.cut != 0) return session_cut;
  if (counted.timed_out != 0) return session_timed_out;
  return counted.failed != 0 ? session_failed : session_ended;
}

class ProcessEach final : public Placement, private os::Children::Watcher {
 public:
  explicit ProcessEach(const Plan& plan) : plan_(plan), children_(this) {
    for (const int listener : plan.listeners) addresses_.push_back(os::local_endpoint(listener));
    // A thread's first frame registers the end of its pool, which costs a child twenty page faults
    // if this thread has not done it.
    constexpr std::size_t any_size = 1;
    free_frame(allocate_frame(any_size), any_size);
  }

  int serve(Worker& acceptor, const Arrival& arrival, std::uint64_t id) noexcept override;
  std::size_t open() noexcept override;
  void stop(std::int64_t drain) noexcept override;
  void cut() noexcept override;

 private:
  struct ChildControl {
    os::Waker waker;
    Control control{waker};
    const Host* host = nullptr;
    std::int64_t drain = 0;  // Without a host, and when the server has died.
  };
  void close_what_others_serve(int fd);
  [[noreturn]] void run_child(const Arrival& arrival, std::uint64_t id) noexcept;
  bool serve_in_child(const Arrival& arrival, std::uint64_t id, ChildControl& control);
  void child_ended(std::uint64_t id, int exit_code) noexcept override;
  void look_for_stop() noexcept;

  const Plan& plan_;
  const int parent_ = os::process_id();  // The children's.
  std::vector<Endpoint> addresses_;      // Of the listeners, which a stop closes.
  Worker* acceptor_ = nullptr;
  os::Children children_;
  std::int64_t killed_at_ = -1;
  bool told_unknown_ = false;
};

int ProcessEach::serve(Worker& acceptor, const Arrival& arrival, std::uint64_t id) noexcept {
  acceptor_ = &acceptor;
  const int child = children_.fork(id);
  if (child == 0) run_child(arrival, id);
  if (child < 0) return child;
  acceptor.engine().discard(arrival.fd);
  return 0;
}

// The connection is counted by the child's end, not by what the child counted, so that none is
// counted twice or never, wherever the child dies.
void ProcessEach::child_ended(std::uint64_t id, int exit_code) noexcept {
  if (exit_code == unknown && !std::exchange(told_unknown_, true) && plan_.log != nullptr) {
    plan_.log(LogLevel::warning,
              "fork: how sessions end is not known, and they count as lost: SIGCHLD is ignored, "
              "or the program itself waits for any child");
  }
  Statistics& counters = base::counters;
  ++counters.closed;
  switch (exit_code) {
    case session_ended: ++counters.ended; break;
    case session_failed: ++counters.failed; break;
    case session_cut: ++counters.cut; break;
    case session_timed_out: ++counters.timed_out; break;
    default: ++counters.lost;
  }
  acceptor_->connection_left(id);
}

// The listeners, also those of other threads; and what was accepted and is not handed on yet, by
// them or by ours. While any process has a copy of a socket its client never sees the end, and a
// port that any listens on refuses nobody. Once the acceptor has closed its listeners their numbers
// may be somebody else's.
void ProcessEach::close_what_others_serve(int fd) {
  const bool other_threads =
      plan_.options.workers > 1 && plan_.options.worker_kind == WorkerKind::thread;
  if (!acceptor_->stopping()) {
    for (const int listener : plan_.listeners) os::close_fd(listener);
  }
  if (plan_.host != nullptr) plan_.host->forked();
  if (other_threads || acceptor_->holds_arrivals()) os::close_all_at(addresses_, fd);
}

void ProcessEach::run_child(const Arrival& arrival, std::uint64_t id) noexcept {
  base::enter_child_process();
  base::counters = Statistics{};
  ChildControl control;  // Signals reach for it to the very end.
  bool served = false;
  try {
    served = serve_in_child(arrival, id, control);
  } catch (const std::bad_alloc&) {}
  if (!served) ++base::counters.failed;
  Statistics& counters = base::counters;
  const int code = exit_code(counters);
  counters.closed = counters.ended = counters.failed = counters.cut = counters.timed_out = 0;
  children_.exit_child(code);
}

bool ProcessEach::serve_in_child(const Arrival& arrival, std::uint64_t id,
                                 ChildControl& control) {
  close_what_others_serve(arrival.fd);
  Plan plan = plan_;
  plan.listeners.clear();
  plan.host = nullptr;
  // A child that is killed could not take back what it counted; and its parent never learns whose
  // connection it was.
  plan.counts_clients = false;
  control.host = plan_.host;
  control.drain = base::nanoseconds(plan.options.drain);
  plan.control = &control.control;
  // Whoever sent it: the thread that forked is the acceptor's, which ends with its children.
  const auto drain = [](void* c, os::Sender /*sender*/) {
    auto& told = *static_cast<ChildControl*>(c);
    const std::int64_t asked = told.host != nullptr ? told.host->stop_drain() : -1;
    told.control.request_stop(asked >= 0 ? asked : told.drain);
  };
  const auto cut = [](void* c) { static_cast<ChildControl*>(c)->control.request_stop(0); };
  os::on_parents_signals({drain, cut, nullptr, &control, parent_});
  // Whom the acceptor holds it serves during a stop, too: the signal was for those before. When the
  // drain time is over the acceptor says so.
  if (acceptor_->stopping()) control.control.request_stop(plan_.control->stop_drain());
  return serve_one(plan, arrival, id);
}

// A handler that stops the server does it in a child, where nothing that it sets is ours but what
// the host shares; and a blocking accept, as others' stops, is not ended by it.
void ProcessEach::look_for_stop() noexcept {
  const std::int64_t asked = plan_.host != nullptr ? plan_.host->stop_drain() : -1;
  if (asked < 0) return;
  const std::int64_t known = plan_.control->stop_drain();
  if (known < 0 || asked < known) plan_.control->request_stop(asked);
}

std::size_t ProcessEach::open() noexcept {
  look_for_stop();
  if (plan_.host != nullptr && plan_.host->has_news()) plan_.host->woken(plan_.index);
  // A child that does not react, because its handler does not return, is not waited for.
  if (killed_at_ >= 0 && os::monotonic_clock().now() >= killed_at_) {
    children_.end(os::How::kill);
  }
  return children_.reap();
}

void ProcessEach::stop(std::int64_t /*drain*/) noexcept { children_.end(os::How::drain); }

void ProcessEach::cut() noexcept {
  constexpr std::int64_t patience = 1'000'000'000;
  children_.end(os::How::cut);
  killed_at_ = os::monotonic_clock().now() + patience;
}

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<BlockingEngine>(engine_options(plan), *plan.calls, plan.control->waker);
}

void run(const Plan& plan) {
  ProcessEach place(plan);
  const auto engine = make_engine(plan);
  Worker worker(plan, *engine, &place);
  worker.run();
}

}  // namespace

const ModelEntry fork_entry{
    {Model::fork, "fork", "a child process for each client, blocking calls",
     "processes: some 150 KiB a client; handlers share no memory", recipe},
    always_available,
    run,
    make_engine,
    true};

}  // namespace weir::detail
