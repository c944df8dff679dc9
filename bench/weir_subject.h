// weir_subject.h - what the Weir subjects share: options by name, and the line that tells the port.
#pragma once

#include <weir/weir.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bench {

/// Every option that may matter for speed, under its own name with hyphens: each can be switched
/// off or changed alone.
inline void set_option(weir::Options& options, const std::string& name,
                       const std::string& value) {
  const bool on = value == "on";
  const std::size_t number = std::strtoull(value.c_str(), nullptr, 10);
  const auto small = static_cast<unsigned>(number);
  const auto kind = value == "process" ? weir::WorkerKind::process : weir::WorkerKind::thread;
  const std::map<std::string, std::function<void()>> setters = {
      {"--workers", [&] { options.workers = small; }},
      {"--worker-kind", [&] { options.worker_kind = kind; }},
      {"--reuse-port", [&] { options.reuse_port = on; }},
      {"--connections-max", [&] { options.connections_max = small; }},
      {"--thread-stack", [&] { options.thread_stack = number; }},
      {"--outbox-high", [&] { options.outbox_high = number; }},
      {"--outbox-low", [&] { options.outbox_low = number; }},
      {"--send-when-writable", [&] { options.send_when_writable = on; }},
      {"--budget-operations", [&] { options.budget_operations = small; }},
      {"--budget-bytes", [&] { options.budget_bytes = number; }},
      {"--spin", [&] { options.spin = on; }},
      {"--spin-before-sleep",
       [&] { options.spin_before_sleep = std::chrono::microseconds(number); }},
      {"--batch-wait", [&] { options.batch_wait = std::chrono::microseconds(number); }},
  };
  const auto setter = setters.find(name);
  if (setter == setters.end()) throw std::invalid_argument("no option is called " + name);
  setter->second();
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
