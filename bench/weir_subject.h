// weir_subject.h - what the Weir subjects share: options by name, and the line that tells the port.
#pragma once

#include <weir/weir.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bench {

/// Every option that may matter for speed, under its own name with hyphens: each can be switched
/// off or changed alone.
inline void set_option(weir::Options& options, const std::string& name, const std::string& value) {
  const auto number = [&] { return std::stoul(value); };
  const auto on = [&] { return value == "on"; };
  if (name == "--workers") options.workers = static_cast<unsigned>(number());
  else if (name == "--worker-kind") {
    options.worker_kind = value == "process" ? weir::WorkerKind::process : weir::WorkerKind::thread;
  }
  else if (name == "--reuse-port") options.reuse_port = on();
  else if (name == "--backlog") options.backlog = std::stoi(value);
  else if (name == "--connections-max") options.connections_max = static_cast<unsigned>(number());
  else if (name == "--thread-stack") options.thread_stack = number();
  else if (name == "--outbox-high") options.outbox_high = number();
  else if (name == "--outbox-low") options.outbox_low = number();
  else if (name == "--send-when-writable") options.send_when_writable = on();
  else if (name == "--budget-operations") options.budget_operations = static_cast<unsigned>(number());
  else if (name == "--budget-bytes") options.budget_bytes = number();
  else if (name == "--spin") options.spin = on();
  else if (name == "--spin-before-sleep") options.spin_before_sleep = std::chrono::microseconds(number());
  else throw std::invalid_argument("no option is called " + name);
}

/// Takes what is left of the command line as pairs of option and value.
inline weir::Options options_from(char** words) {
  weir::Options options;
  options.drain = std::chrono::milliseconds(0);  // The driver stops what it has finished with.
  for (; words[0] && words[1]; words += 2) set_option(options, words[0], words[1]);
  return options;
}

/// Serves on a port of 127.0.0.1 until SIGTERM; then prints what the program itself has counted.
inline int serve(weir::Server& server, std::string_view model, const char* port,
                 const weir::Options& options) {
  const auto known = weir::model_named(model);
  if (!known) throw std::invalid_argument("no model is called " + std::string(model));
  server.listen(std::string("127.0.0.1:") + port).model(*known).options(options).handle_signals();
  server.start();
  std::printf("listening %d\n", server.endpoints().at(0).port);
  std::fflush(stdout);
  const int result = server.wait();
  const weir::Statistics counted = server.statistics();
  std::printf("counted receives=%llu calls=%llu waits=%llu\n",
              static_cast<unsigned long long>(counted.receives),
              static_cast<unsigned long long>(counted.calls()),
              static_cast<unsigned long long>(counted.calls_wait));
  return result;
}

}  // namespace bench
