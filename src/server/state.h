// state.h - a server: what was asked for, its workers, and what its supervisor keeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <weir/server.h>

#include "os/bell.h"
#include "os/ledger.h"
#include "os/shared_memory.h"
#include "os/signals.h"
#include "os/successor.h"
#include "os/thread.h"
#include "server/listeners.h"
#include "server/member.h"
#include "server/service.h"
#include "session/admission.h"
#include "session/room.h"

namespace weir {

namespace detail {
class Handover;
class StallWatch;
}  // namespace detail

struct Server::State final : detail::Host {
  State(const Server& whose, detail::Handler* given);
  ~State();

  const Server& server;

  // What was asked for.
  std::unique_ptr<detail::Handler> handler;
  std::vector<std::string> addresses;  // As given; read by start().
  Options options;
  Model model = Model::automatic;
  LogFunction log = nullptr;
  StatisticsFunction on_statistics = nullptr;
  bool handles_signals = false;
  bool is_service = false;
  std::string handler_name;

  // From start() on.
  Choice chosen{Model::automatic, {}};
  std::vector<int> cpus;                 // Of each worker; empty: any.
  std::optional<os::Identity> identity;  // Who the process is to become.
  std::vector<Endpoint> endpoints;
  std::unique_ptr<os::Ledger> ledger;
  std::unique_ptr<os::SharedMemory> room_memory;
  std::unique_ptr<detail::Room> room;  // What the workers share of the limits.
  std::unique_ptr<detail::Admission> admission;
  std::unique_ptr<os::Bell> bell;  // Rung for the supervisor.
  std::list<detail::Member> members;
  std::unique_ptr<detail::StallWatch> stall_watch;  // Of workers that are threads.
  int supervisor_process = 0;
  std::atomic<bool> started{false};  // stop() may ask from any thread.
  detail::Service service;
  os::Program program;  // How it is started again.

  // Closed by whoever sees a stop first: the supervisor or a worker.
  std::mutex listeners_mutex;
  detail::Listeners listeners;
  // Of sockets that were given to us, and where nobody listens now.
  std::vector<os::SocketFile> unclaimed_files;

  // Set by signal handlers.
  std::atomic<int> stop_signals{0};
  std::atomic<std::uint64_t> lost_in_stop{0};  ///< connections of workers that had to be killed
  std::atomic<bool> report_asked{false};

  // A lone worker runs on the thread that waits; then the supervisor, which has little to do,
  // gets a thread of its own when there is something.
  os::Thread supervisor;
  std::atomic<bool> supervised{false};
  detail::Handover* handover = nullptr;  // The supervisor's, which alone forks then.

  bool processes() const noexcept { return options.worker_kind == WorkerKind::process; }
  bool lone() const noexcept { return !processes() && members.size() == 1; }
  void say(LogLevel level, const std::string& line) const {
    if (log != nullptr) log(level, line);
  }
  /// Logs what `line()` makes. Where memory has run out, that is what is said.
  template <class Line>
  void say_made(LogLevel level, Line line) const noexcept {
    try {
      say(level, line());
    } catch (const std::bad_alloc&) {
      if (log != nullptr) log(level, "out of memory, also to say what for");
    }
  }

  /// What a service is started with: its environment and the sockets it is given.
  detail::Inheritance begin_service();
  void make_members(detail::Inheritance inheritance);
  void close_unclaimed(detail::Inheritance& inheritance);
  /// The workers run: a predecessor leaves when it hears of it.
  void ready(std::string_view status) noexcept;
  void give_up_root();
  void start_members();
  void check_listeners() const;
  void start_member(detail::Member& member);
  void await_members();
  void abandon_start() noexcept;
  /// Starts a worker process, or starts it again. Throws StartError.
  void start_process(detail::Member& member);
  // From any thread, or from a signal handler.
  void request_restart() noexcept;
  void request_stop(std::int64_t drain) noexcept;
  void on_signal(os::Request request) noexcept;
  bool stopping() const noexcept { return ledger->stop_drain() >= 0; }
  void close_listeners() noexcept;
  void supervise_in_background() noexcept;
  int finish();
  Statistics statistics() const noexcept;
  /// What there is to say to those who only have a line for it.
  std::string status() const noexcept;
  /// A successor accepts from now on: leaves it what both have. False: a stop came first.
  bool hand_over() noexcept;

  // For the workers.
  void woken(unsigned worker) noexcept override;
  bool is_called(unsigned worker) const noexcept override { return ledger->is_called(worker); }
  void counted(unsigned worker) noexcept override;
  bool has_news() const noexcept override { return lone() && ledger->asked_to_restart(); }
  std::int64_t stop_drain() const noexcept override { return ledger->stop_drain(); }
  void forked() noexcept override;

 private:
  void ring() noexcept;
  [[noreturn]] void run_process(detail::Member& member) noexcept;
};

}  // namespace weir
