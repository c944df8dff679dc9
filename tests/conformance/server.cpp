// server.cpp - the server that the conformance suite drives, as a program of its own.
//
// usage: conformance-server HANDLER [--model M] [--workers N] [--kind thread|process]
//                           [--listen ADDRESS]... [...]
//
// A test starts it, so that models that fork, limits and sanitizers' exit codes concern it
// alone. On stdout: "listening ADDRESS" for each address, "model NAME: WHY", "ready", what
// handlers report, and at the end "totals ...".
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/conformance/arguments.h"
#include "tests/conformance/handlers.h"
#include "tests/support/address.h"

namespace {

using namespace std::chrono_literals;
using conformance::Arguments;
using conformance::options_from;

/// One write(2) a line: handlers report from threads and from forked processes.
void report(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  if (write(STDOUT_FILENO, whole.data(), whole.size()) < 0) std::abort();
}

/// A log function that is not the library's.
void own_log(weir::LogLevel, std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  if (write(STDERR_FILENO, whole.data(), whole.size()) < 0) std::abort();
}

/// Is slow to say that another process has taken over, and then the server is told to stop.
void slow_log(weir::LogLevel level, std::string_view line) {
  own_log(level, line);
  if (line.find("has taken over") == std::string_view::npos) return;
  kill(getpid(), SIGTERM);
  std::this_thread::sleep_for(200ms);
}

weir::LogFunction log_of(const Arguments& arguments) {
  const std::string log = arguments.text("--log");
  if (log == "none") return nullptr;
  if (log == "slow") return slow_log;
  return log == "own" ? own_log : weir::log_to_stderr;
}

/// Takes every descriptor below `--hoard`, but for the `--spare` smallest of them.
void hoard(const Arguments& arguments) {
  const auto end = static_cast<int>(arguments.number("--hoard", 0));
  const auto spare = static_cast<int>(arguments.number("--spare", 0));
  std::vector<int> taken;
  for (int fd = 0; fd + 1 < end; taken.push_back(fd)) {
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::runtime_error("cannot hoard so many descriptors");
  }
  for (int i = 0; i < spare; ++i) close(taken.at(static_cast<std::size_t>(i)));
}

void set_up(weir::Server& server, const Arguments& arguments) {
  server.named(arguments.handler).options(options_from(arguments)).handle_signals();
  server.on_log(log_of(arguments));
  if (arguments.has("--model")) {
    const auto model = weir::model_named(arguments.values.at("--model"));
    if (!model) throw std::invalid_argument("no such model");
    server.model(*model);
  }
  if (arguments.has("--inherit")) {  // From somebody who keeps it, too.
    static const support::UnixListener kept(arguments.text("--inherit"), 100);
    server.listen("fd:" + std::to_string(dup(kept.descriptor())));
  } else if (arguments.listen.empty()) {
    server.listen("127.0.0.1:0");
  }
  if (arguments.has("--service")) server.as_service();
  for (const std::string& address : arguments.listen) server.listen(address);
}

void report_start(const weir::Server& server) {
  for (const weir::Endpoint& endpoint : server.endpoints())
    report("listening " + endpoint.text());
  const weir::Choice choice = server.chosen();
  report("model " + std::string(weir::name(choice.model)) + ": " + choice.reason);
  report("ready");
}

int serve(const Arguments& arguments) {
  conformance::Settings settings = conformance::settings_from(arguments);
  settings.report = report;
  hoard(arguments);
  const auto handler = conformance::handler_named(arguments.handler, settings);
  if (!handler) throw std::invalid_argument("no such handler");

  weir::Server server(handler);
  settings.stop = [&server] { server.stop(20s); };
  settings.restart = [&server] { server.restart(); };
  set_up(server, arguments);
  if (arguments.has("--start-on-thread")) {
    std::thread([&server] { server.start(); }).join();
  } else {
    server.start();
  }
  report_start(server);
  const int code = server.wait();
  report(conformance::totals_line(server.statistics()));
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return serve(conformance::parse(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const weir::StartError& error) {
    std::cerr << "cannot start: " << error.what() << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "conformance-server: " << error.what() << "\n";
    return 64;
  }
}
