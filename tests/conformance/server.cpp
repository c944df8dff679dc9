// server.cpp - the server that the conformance suite drives, as a program of its own.
//
// usage: conformance-server HANDLER [--model M] [--workers N] [--kind thread|process]
//                           [--listen ADDRESS]... [...]
//
// A test starts it, so that models that fork, limits and sanitizers' exit codes concern it
// alone. On stdout: "listening ADDRESS" for each address, "model NAME: WHY", "ready", what
// handlers report, and at the end "totals ...".
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/conformance/handlers.h"

namespace {

using namespace std::chrono_literals;

/// The command line: a handler, then pairs of an option and its value.
struct Arguments {
  std::string handler;
  std::vector<std::string> listen;
  std::map<std::string, std::string> values;

  bool has(const std::string& name) const { return values.contains(name); }
  std::size_t number(const std::string& name, std::size_t otherwise) const {
    return has(name) ? std::stoul(values.at(name)) : otherwise;
  }
};

Arguments parse(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) throw std::invalid_argument("no handler");
  Arguments arguments;
  arguments.handler = words[0];
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    if (words[i] == "--listen") arguments.listen.push_back(words[i + 1]);
    else arguments.values[words[i]] = words[i + 1];
  }
  if (arguments.listen.empty()) arguments.listen = {"127.0.0.1:0"};
  return arguments;
}

/// One write(2) a line: handlers report from threads and from forked processes.
void report(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  if (write(STDOUT_FILENO, whole.data(), whole.size()) < 0) std::abort();
}

void log(weir::LogLevel, std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  if (write(STDERR_FILENO, whole.data(), whole.size()) < 0) std::abort();
}

weir::Options options_from(const Arguments& arguments) {
  weir::Options options;
  options.connections_max = static_cast<unsigned>(arguments.number("--connections-max", 0));
  options.connections_per_address =
      static_cast<unsigned>(arguments.number("--connections-per-address", 0));
  if (arguments.number("--reject", 0) != 0) options.overload = weir::Overload::reject;
  options.memory_max = arguments.number("--memory-max", 0);
  options.budget_operations =
      static_cast<unsigned>(arguments.number("--budget-operations", options.budget_operations));
  options.outbox_high = arguments.number("--outbox-high", options.outbox_high);
  options.outbox_low = std::min(options.outbox_low, options.outbox_high / 2);
  options.send_when_writable = arguments.number("--send-when-writable", 0) != 0;
  options.reuse_port = arguments.number("--reuse-port", 0) != 0;
  const std::pair<const char*, std::chrono::milliseconds*> deadlines[] = {
      {"--first-byte", &options.first_byte}, {"--idle", &options.idle},
      {"--receive", &options.receive},       {"--send", &options.send},
      {"--connection", &options.connection},
  };
  for (const auto& [name, value] : deadlines) {
    *value = std::chrono::milliseconds(
        arguments.number(name, static_cast<std::size_t>(value->count())));
  }
  options.linger = std::chrono::milliseconds(arguments.number("--linger-ms", 5000));
  // Most tests end with a client who is still there: nobody else is worth waiting for.
  options.drain = std::chrono::milliseconds(arguments.number("--drain-ms", 250));
  return options;
}

void set_up(weir::Server& server, const Arguments& arguments) {
  server.options(options_from(arguments)).handle_signals().on_log(log);
  if (arguments.has("--model")) {
    const auto model = weir::model_named(arguments.values.at("--model"));
    if (!model) throw std::invalid_argument("no such model");
    server.model(*model);
  }
  const bool processes = arguments.has("--kind") && arguments.values.at("--kind") == "process";
  server.workers(static_cast<unsigned>(arguments.number("--workers", 1)),
                 processes ? weir::WorkerKind::process : weir::WorkerKind::thread);
  for (const std::string& address : arguments.listen) server.listen(address);
}

void report_start(const weir::Server& server) {
  for (const weir::Endpoint& endpoint : server.endpoints())
    report("listening " + endpoint.text());
  const weir::Choice choice = server.chosen();
  report("model " + std::string(weir::name(choice.model)) + ": " + choice.reason);
  report("ready");
}

void report_totals(const weir::Statistics& totals) {
  const std::pair<const char*, std::uint64_t> numbers[] = {
      {"accepted", totals.accepted},
      {"closed", totals.closed},
      {"ended", totals.ended},
      {"failed", totals.failed},
      {"cut", totals.cut},
      {"timed_out", totals.timed_out},
      {"lost", totals.lost},
      {"timed_out_first_byte", totals.timed_out_first_byte},
      {"timed_out_idle", totals.timed_out_idle},
      {"timed_out_send", totals.timed_out_send},
      {"timed_out_linger", totals.timed_out_linger},
      {"open_peak", totals.open_peak},
      {"turns", totals.turns},
      {"events", totals.events},
      {"budget_stops", totals.budget_stops},
      {"buffers", totals.buffers},
      {"buffer_bytes", totals.buffer_bytes},
      {"buffer_bytes_peak", totals.buffer_bytes_peak},
      {"outbox_bytes", totals.outbox_bytes},
      {"outbox_bytes_peak", totals.outbox_bytes_peak},
      {"memory_waits", totals.memory_waits},
      {"calls", totals.calls()},
      {"refused_full", totals.refused_full},
      {"refused_address", totals.refused_address},
      {"refused_memory", totals.refused_memory},
      {"refused_descriptors", totals.refused_descriptors},
      {"sends", totals.calls_send},
      {"receives", totals.calls_receive},
      {"rests", totals.accept_rests},
  };
  std::string line = "totals";
  for (const auto& [name, number] : numbers) {
    line += std::string(" ") + name + "=" + std::to_string(number);
  }
  report(line);
}

int serve(const Arguments& arguments) {
  conformance::Settings settings;
  settings.size = arguments.number("--size", settings.size);
  settings.piece = arguments.number("--piece", settings.piece);
  settings.pause = std::chrono::milliseconds(arguments.number("--pause-ms", 20));
  if (arguments.has("--upstream")) settings.upstream = arguments.values.at("--upstream");
  settings.report = report;
  const auto handler = conformance::handler_named(arguments.handler, settings);
  if (!handler) throw std::invalid_argument("no such handler");

  weir::Server server(handler);
  settings.stop = [&server] { server.stop(20s); };
  set_up(server, arguments);
  server.start();
  report_start(server);
  const int code = server.wait();
  report_totals(server.statistics());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return serve(parse(argc, argv));
  } catch (const weir::StartError& error) {
    std::cerr << "cannot start: " << error.what() << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "conformance-server: " << error.what() << "\n";
    return 64;
  }
}
