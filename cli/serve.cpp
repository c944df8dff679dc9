// serve.cpp - `weir serve`: runs a built-in handler on the model of choice until a signal comes.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <weir/server.h>
#include "cli/admission.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/handlers.h"
#include "cli/log.h"
#include "cli/names.h"
#include "cli/system/cpu.h"
#include "cli/totals.h"

namespace weir::cli {
namespace {

// The command line of `weir serve`, as it was given.
struct Request {
  std::string handler;
  std::string model = "automatic";
  std::vector<std::string> listen;
  std::string worker_kind = "thread";
  std::string overload = "pause";
  std::string totals = "text";
  std::int64_t spin_before_sleep_us = 0;
  std::int64_t batch_wait_us = 0;
  std::int64_t first_byte_ms = Options{}.first_byte.count();
  std::int64_t idle_ms = Options{}.idle.count();
  std::int64_t receive_ms = Options{}.receive.count();
  std::int64_t send_ms = Options{}.send.count();
  std::int64_t connection_ms = Options{}.connection.count();
  std::int64_t linger_ms = Options{}.linger.count();
  std::int64_t drain_ms = Options{}.drain.count();
  AdmissionRequest admission;
  std::int64_t restart_ready_ms = Options{}.restart_ready.count();
  std::int64_t restart_drain_ms = Options{}.restart_drain.count();
  std::int64_t stall_after_ms = Options{}.stall_after.count();
  Options options;
};

std::string handler_list() {
  std::vector<std::string_view> names;
  for (const HandlerInfo& info : handlers()) names.push_back(info.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

HandlerFunction chosen_handler(const std::string& name) {
  if (const HandlerInfo* info = handler_named(name)) return info->handler;
  throw UsageError(fmt::format("unknown handler '{}'; handlers: {}", name, handler_list()));
}

int serve(const Request& request) {
  // Whoever started us may have left it ignored; then nobody would learn how our children end.
  std::signal(SIGCHLD, SIG_DFL);
  Server server(chosen_handler(request.handler));
  server.named(request.handler).model(model_of(request.model));
  for (const std::string& address : request.listen) server.listen(address);
  if (request.listen.empty() && !Server::is_given_listeners()) server.listen("127.0.0.1:7000");

  Options options = request.options;
  options.worker_kind =
      request.worker_kind == "process" ? WorkerKind::process : WorkerKind::thread;
  options.overload = request.overload == "reject" ? Overload::reject : Overload::pause;
  options.spin_before_sleep = std::chrono::microseconds(request.spin_before_sleep_us);
  options.batch_wait = std::chrono::microseconds(request.batch_wait_us);
  options.first_byte = std::chrono::milliseconds(request.first_byte_ms);
  options.idle = std::chrono::milliseconds(request.idle_ms);
  options.receive = std::chrono::milliseconds(request.receive_ms);
  options.send = std::chrono::milliseconds(request.send_ms);
  options.connection = std::chrono::milliseconds(request.connection_ms);
  options.linger = std::chrono::milliseconds(request.linger_ms);
  options.drain = std::chrono::milliseconds(request.drain_ms);
  apply(request.admission, options);
  options.stall_after = std::chrono::milliseconds(request.stall_after_ms);
  options.restart_ready = std::chrono::milliseconds(request.restart_ready_ms);
  options.restart_drain = std::chrono::milliseconds(request.restart_drain_ms);
  server.options(options).handle_signals().as_service();
  server.on_log(log_to_stderr);
  server.on_statistics([](const Server& self, const Statistics& statistics) {
    print_line(totals_json(self.chosen().model, statistics, cpu_time()));
  });

  server.start();
  const int exit_code = server.wait();

  const CpuTime cpu = cpu_time();
  log(totals_line(server.statistics(), cpu));
  if (request.totals == "json") {
    print_line(totals_json(server.chosen().model, server.statistics(), cpu));
  }
  return exit_code;
}

void add_worker_options(CLI::App& command, Request& request) {
  Options& options = request.options;
  add_value(command, "--workers", "N", options.workers, number(1, 1024),
            "Threads or processes, 1 to 1024, that each run the whole model");
  add_value(command, "--worker-kind", "KIND", request.worker_kind, one_of({"thread", "process"}),
            "What they are: thread or process");
  command
      .add_option("--pin", options.pin_workers,
                  "Fix each worker to a CPU, in turn: all, or a list, 0,2-5")
      ->check(some_text())
      ->type_name("CPUS");
  command
      .add_option("--user", options.user,
                  "Give up root for this user when the listeners are bound")
      ->check(some_text())
      ->type_name("NAME[:GROUP]");
  add_value(command, "--connections-max", "N", options.connections_max, number(0, UINT32_MAX),
            "Connections served at once; 0: what the descriptor limit allows");
}

void add_listening_options(CLI::App& command, Request& request) {
  Options& options = request.options;
  command.add_flag("--dual-stack", options.dual_stack, "IPv6 listeners serve IPv4 clients too");
  add_value(command, "--unix-mode", "MODE", options.unix_mode, permissions(),
            "Permissions of unix sockets' files, as 0660; 0: as the umask has it");
  command.add_flag("--reuse-port", options.reuse_port,
                   "A listening socket for each worker instead of one for all");
  add_value(command, "--backlog", "N", options.backlog, number(1, INT32_MAX),
            "Connections that may wait in the kernel to be accepted");
}

void add_limit_options(CLI::App& command, Request& request) {
  Options& options = request.options;
  add_value(command, "--connections-per-address", "N", options.connections_per_address,
            number(0, UINT32_MAX), "Connections served at once from one address; 0: no limit");
  add_value(command, "--overload", "WHAT", request.overload, one_of({"pause", "reject"}),
            "At a limit new clients wait in the backlog (pause) or are closed at once (reject)");
  add_value(command, "--memory-max", "BYTES", options.memory_max, size_in_bytes(),
            "Memory of all buffers and outboxes (also 64M), at least 1M; 0: no limit");
  add_value(command, "--budget-operations", "N", options.budget_operations, number(1, UINT32_MAX),
            "Loop models: operations that a handler may do before the others have their turn");
  add_value(command, "--budget-bytes", "BYTES", options.budget_bytes, size_in_bytes(1),
            "Loop models: bytes, the same (also 1M)");
  add_value(command, "--stall-after", "MS", request.stall_after_ms, number(0, 3'600'000),
            "Loop models: milliseconds after which a handler that does not wait is reported; "
            "0: never");
}

void add_model_options(CLI::App& command, Request& request) {
  Options& options = request.options;
  command.add_flag("--send-when-writable", options.send_when_writable,
                   "The textbook's recipe: queue, ask for writability, send when told");
  command.add_flag("--spin", options.spin, "nonblocking: never rest");
  add_value(command, "--spin-before-sleep", "US", request.spin_before_sleep_us,
            number(0, 1'000'000),
            "Loop models: microseconds to go on asking before going to sleep");
  add_value(command, "--batch-wait", "US", request.batch_wait_us, number(0, 10'000),
            "io-uring: microseconds to wait for more requests while many come");
  add_value(command, "--thread-stack", "BYTES", options.thread_stack, size_in_bytes(),
            "threads: stack of each (also 256k)");
}

void add_deadline_options(CLI::App& command, Request& request) {
  constexpr std::int64_t hours = 2 * 3'600'000, days = 7 * 86'400'000;
  add_value(command, "--first-byte", "MS", request.first_byte_ms, number(0, hours),
            "Milliseconds that a client has to send its first byte; 0: no deadline");
  add_value(command, "--idle", "MS", request.idle_ms, number(0, hours),
            "Milliseconds in which nothing moves either way while the handler waits");
  add_value(command, "--receive", "MS", request.receive_ms, number(0, hours),
            "Milliseconds that a receive waits, although bytes are sent meanwhile");
  add_value(command, "--send", "MS", request.send_ms, number(0, hours),
            "Milliseconds in which a client takes nothing of what waits for it");
  add_value(command, "--connection", "MS", request.connection_ms, number(0, days),
            "Milliseconds that a connection lasts at most");
}

void add_session_options(CLI::App& command, Request& request) {
  Options& options = request.options;
  add_value(command, "--outbox-high", "BYTES", options.outbox_high, size_in_bytes(),
            "What an outbox holds (also 64k, 1M) when a send begins to wait");
  add_value(command, "--outbox-low", "BYTES", options.outbox_low, size_in_bytes(),
            "What it still holds when the send goes on");
  add_value(command, "--linger", "MS", request.linger_ms, number(0, 3'600'000),
            "Milliseconds that a peer gets to take the last bytes and close");
  add_value(command, "--drain", "MS", request.drain_ms, number(0, 3'600'000),
            "Milliseconds that sessions get to end when a signal stops the server");
  add_value(command, "--restart-ready", "MS", request.restart_ready_ms, number(1, 3'600'000),
            "Milliseconds that a new process gets to serve when a signal restarts the server");
  add_value(command, "--restart-drain", "MS", request.restart_drain_ms, number(0, 86'400'000),
            "Milliseconds that sessions of the old process then get to end");
}

std::string footer() {
  std::string text = "Handlers:\n";
  for (const HandlerInfo& info : handlers()) {
    text += fmt::format("  {:<8}  {}\n", info.name, info.summary);
  }
  return text + "Models (see weir models):\n  " + model_list() +
         "\nSIGINT and SIGTERM stop the server; SIGUSR1 prints statistics as a line of JSON on "
         "stdout; SIGUSR2\nrestarts it without losing a connection. Sockets that systemd hands "
         "over "
         "are served (docs/DEPLOY.md).";
}

}  // namespace

void add_serve(CLI::App& tool, int& exit_code) {
  const auto request = std::make_shared<Request>();
  CLI::App* command =
      tool.add_subcommand("serve", "Serve a built-in handler until a signal comes");
  command->footer(footer());
  command->add_option("HANDLER", request->handler, "What to serve: " + handler_list())
      ->type_name("")
      ->required();
  command
      ->add_option("--model", request->model,
                   "How to wait for clients; automatic: WEIR_MODEL, else the best here")
      ->type_name("MODEL")
      ->capture_default_str();
  command
      ->add_option(
          "--listen", request->listen,
          "Where: 127.0.0.1:7000, [::1]:7000, :7000, unix:/path, fd:3 (a descriptor that "
          "is inherited); may be repeated. Otherwise the sockets that systemd hands over, "
          "else 127.0.0.1:7000")
      ->allow_extra_args(false)
      ->type_name("ADDRESS");
  add_worker_options(*command, *request);
  add_listening_options(*command, *request);
  add_limit_options(*command, *request);
  add_admission_options(*command, request->admission);
  add_deadline_options(*command, *request);
  add_model_options(*command, *request);
  add_session_options(*command, *request);
  add_value(*command, "--totals", "FORM", request->totals, one_of({"text", "json"}),
            "text; or json: at the end also one line of JSON on stdout");
  command->callback([request, &exit_code] { exit_code = serve(*request); });
}

}  // namespace weir::cli
