// server_process.h - `weir serve echo` as a child process: start, find its address, stop, account.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace weir::demo {

/// The server did not behave as the tool promises: what() is one line.
class ServerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the server says of itself at its end.
struct Totals {
  std::uint64_t accepted = 0;
  std::uint64_t closed = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t calls = 0;
  std::uint64_t cpu_us = 0;
};

struct ModelHere {
  std::string name;
  bool available = false;
  std::string reason;
};

/// Every model and whether it works here, from `weir models --json`.
std::vector<ModelHere> models_here(const std::string& tool);

class ServerProcess {
 public:
  ServerProcess(const std::string& tool, std::string_view model);
  /// Kills it if it still runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// Throws ServerError, with the server's last words, if it ends instead.
  void wait_until_listening();
  /// Of 127.0.0.1, in host order. Once it listens.
  std::uint16_t port() const noexcept { return port_; }
  /// SIGTERM, then waits for its end. Throws ServerError unless it ended with exit code 0.
  Totals stop();

 private:
  int wait_for_end();

  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string said_;  // On stderr, so far.
  std::uint16_t port_ = 0;
};

}  // namespace weir::demo
