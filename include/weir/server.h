// server.h - a handler, addresses and a model make a server.
//
//     int main() {
//       return weir::Server(echo).listen("127.0.0.1:7000").model(weir::Model::epoll_et).run();
//     }
#pragma once

#include <chrono>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <weir/connection.h>
#include <weir/endpoint.h>
#include <weir/model.h>
#include <weir/options.h>
#include <weir/statistics.h>
#include <weir/task.h>

namespace weir {

/// How much a log line matters.
enum class LogLevel : unsigned char { info, warning, error };
/// Called with one line, without its newline, from any of the server's threads, and in processes
/// that it forks: a lock that another thread held at that moment stays locked there. Must not
/// throw.
using LogFunction = void (*)(LogLevel level, std::string_view line);
/// A LogFunction: writes "weir: " and the line to stderr, whole, from any thread or process; what
/// is no printable character in it becomes '?'. Does not wait for a pipe that nobody empties, and
/// raises no SIGPIPE for one that nobody reads: such lines are left out, and the next one that has
/// room says how many. (Whoever fills or leaves the pipe at that very moment can still bring both
/// about; and a terminal that is stopped makes it wait.)
void log_to_stderr(LogLevel level, std::string_view line) noexcept;
class Server;
/// Called with what all workers have counted so far. Must not throw.
using StatisticsFunction = void (*)(const Server& server, const Statistics& statistics);

namespace detail {

/// A handler of any type behind one call.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Task<> operator()(Connection& connection) = 0;
};

template <class F>
class HandlerOf final : public Handler {
 public:
  explicit HandlerOf(F function) : function_(std::move(function)) {}
  Task<> operator()(Connection& connection) override { return function_(connection); }

 private:
  F function_;
};

}  // namespace detail

/// A server. Set it up, then run() it, or start() and wait(); what sets it up, or starts it again,
/// between start() and the end of wait() throws StartError. Used from one thread, except where a
/// function says otherwise. When it is destroyed it stops, with a deadline of 0, and waits.
///
/// The handler is called once for each connection and is copied or moved into the server: what
/// a lambda captures lives as long as the server, so its coroutine frames may use it. With
/// several workers, and on the model threads, it is called on several threads: what it shares
/// needs its own protection. On the model fork, and with worker processes, nothing is shared.
class Server {
 public:
  template <class F>
    requires std::is_invocable_r_v<Task<>, F&, Connection&>
  explicit Server(F handler) : Server(new detail::HandlerOf<F>(std::move(handler))) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// What log lines call the handler, as "echo". Default: nothing.
  Server& named(std::string_view handler);
  /// Adds an address to listen on (see Endpoint). Port 0: the kernel chooses; see endpoints().
  /// A text that is no address is reported by start().
  Server& listen(std::string_view endpoint);
  Server& listen(const Endpoint& endpoint);
  /// Adds a socket that listens already and that this process has inherited; the same as
  /// listen("fd:3"). From 3 on. start() takes it over, to close it at its end, or throws
  /// StartError where it is no listening TCP or unix stream socket.
  Server& listen_descriptor(int descriptor);
  /// Fixes the model. Without this call, or with automatic: the environment's WEIR_MODEL, else
  /// the best that is available here.
  Server& model(Model model);
  Server& workers(unsigned count, WorkerKind kind = WorkerKind::thread);
  /// Replaces all options, also what workers() has set.
  Server& options(const Options& options);
  /// SIGINT and SIGTERM stop the server as stop(Options::drain) does; a second one, as stop(0),
  /// and it ends the process if a handler still does not return (by SIGALRM, after 3 s). SIGUSR1
  /// calls what on_statistics() was given; SIGUSR2, if this is a service (as_service), restart().
  /// From start() until wait() returns, which restores the handlers that were there before; for
  /// one server of a process at a time: start() of another throws StartError. Without
  /// this call the library leaves the process's signals alone, except in the processes that it
  /// forks. It never raises SIGPIPE.
  Server& handle_signals();
  /// Makes the server the service that this process is for, as its service manager sees it; one
  /// server of a process. docs/DEPLOY.md shows a unit. It then
  ///   - takes over the listening sockets that the process was given (sd_listen_fds(3): systemd's
  ///     socket activation, or restart()). One whose address listen() was given is used instead
  ///     of a new one; with port 0 any port fits. Without any listen() all are served. Those that
  ///     nobody asked for are closed, with a line in the log.
  ///   - tells the manager how it goes (sd_notify(3)): READY, RELOADING, STOPPING, STATUS and, when
  ///     a watchdog is set, WATCHDOG, as long as every worker's loop turns.
  ///   - can be restarted.
  /// start() reads, and then removes, the variables LISTEN_* of the environment: no other thread
  /// may use the environment meanwhile. Where they, or NOTIFY_SOCKET, are malformed it throws.
  Server& as_service();
  /// Whether this process was given listening sockets, and no server has taken them yet. Throws
  /// StartError where the environment is malformed.
  static bool is_given_listeners();
  /// Lines about the server's life: where it listens and by which model, the first time that it
  /// has to pause or rest, handlers that failed by anything but an IoError. Those that one ended,
  /// and deadlines that passed, are only counted (Statistics::failed, timed_out). Default: nobody
  /// hears them. log_to_stderr will do.
  Server& on_log(LogFunction log);
  /// What SIGUSR1 calls, from a thread of the server's own.
  Server& on_statistics(StatisticsFunction report);

  /// Starts, serves until stop() and returns the exit code: 0 when every session ended by
  /// itself, 3 when some were cut (Statistics::cut), 2 when the server could not start (the
  /// reason is printed on stderr), 1 when a worker failed.
  int run();

  /// The same in two steps. start() returns when every listener is bound and listening; throws
  /// StartError. An address in use gets 0.6 s to come free. wait() returns when the server has
  /// stopped, with run()'s exit code. A single worker of kind thread runs inside wait(), on the
  /// calling thread: until then its clients wait in the backlog, and what its model lacks
  /// (descriptors, memory) wait() reports in the log and by the exit code 2. Several, or processes,
  /// which start() forks, serve from start() on.
  ///
  /// Some milliseconds after a single worker on io-uring has ended inside wait(), the kernel
  /// interrupts one system call of that thread (EINTR, where signal(7) does not have it restarted).
  void start();
  int wait();

  /// Stops accepting. Sessions that are idle end: those whose handler waits in receive(), also
  /// within a deadline, with nothing unread, nothing unsent and no spawned task, and those of a
  /// proxy that has said nothing yet. At once if the client has been silent for about a second,
  /// else when he has: for a tenth of a second if he has been answered, in the first second after
  /// this call; for about a second later, or if the rest of his request or his first words may be
  /// on their way. A handler that waits for a timer or a channel beside its client (when_any) may
  /// be at work for him: there he must have been silent for a second, and have an answer to all
  /// that he said, as far as the times tell. All others go on until they end by themselves or
  /// `deadline` has passed since this call. Then whoever waits for his client alone, and owes him
  /// no answer or has long heard nothing, is ended all the same; those who wait for a timer or a
  /// channel, too, if they are idle; and all others are cut, also those with spawned tasks and
  /// those who wait for another connection: their awaits throw IoError(operation_canceled), and the
  /// connection is reset. 0, or less: that is now. Of several calls the shortest deadline counts.
  ///
  /// No effect before start(). From any thread, or from a signal handler; in a handler it stops the
  /// whole server also where that runs in a process of its own. Returns at once; blocking models
  /// take up to 250 ms to notice.
  void stop(std::chrono::milliseconds deadline = std::chrono::milliseconds(0)) noexcept;

  /// Replaces this process by a new one without losing a connection: starts the program that
  /// was executed to make this process, by the same path, where another may stand by now, with
  /// the arguments and the environment that start() has seen, and gives it the listening sockets.
  /// When the new process serves, this one stops as by stop(Options::restart_drain). If it cannot
  /// be started, ends, or does not serve within Options::restart_ready, all goes on as before;
  /// a line in the log says so. No socket is closed or bound meanwhile, so nobody who waits in
  /// a backlog is lost.
  ///
  /// The new process has to serve as a service too. It is a child of this one, and an orphan once
  /// this one has ended: whoever waits for this one has to know (systemd is told). It inherits
  /// the descriptors that this process has not marked FD_CLOEXEC. As process 1, as in a container,
  /// or while the server stops or restarts: only a line in the log.
  ///
  /// Requires: as_service(). No effect before start(). From any thread, or from a signal handler;
  /// in a handler also where that runs in a process of its own. Returns at once; on fork it takes
  /// up to 250 ms to be noticed.
  void restart() noexcept;

  /// Where it listens, with the ports that the kernel chose. After start().
  std::vector<Endpoint> endpoints() const;
  /// The model that runs and why that one. After start().
  Choice chosen() const;
  /// What the workers have counted: complete after wait(). Before, each worker's part is of one
  /// moment: when its last connection closed, or, while some are open and a deadline of Options is
  /// on, at most half a second ago; on iterative four. On threads and fork traffic counts late: see
  /// docs/LIMITS.md. From any thread.
  Statistics statistics() const;

  struct State;

 private:
  explicit Server(detail::Handler* handler);
  State* state_;
};

}  // namespace weir
