// server.h - a server that is measured: a child process, ours or a foreign one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/compare/comparison.h"
#include "cli/system/child.h"

namespace weir::cli {

/// What a server of weir says of itself at its end.
struct Totals {
  std::uint64_t accepted = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t calls = 0;
};

struct End {
  Usage usage;
  std::optional<Totals> totals;  ///< of a server of weir
};

class MeasuredServer {
 public:
  /// Starts it on these CPUs and waits until it listens. `options` are further words for
  /// `weir serve`. Throws ChildError with its last words if it does not listen.
  MeasuredServer(const std::string& tool, const Subject& subject,
                 const std::vector<std::string>& options, const std::vector<unsigned>& cpus);

  int pid() const noexcept { return child_->pid(); }
  std::uint16_t port() const noexcept { return port_; }
  std::string address() const;
  /// Ends it. Throws ChildError when a server of weir does not end well.
  End stop();

  /// The command that would start it, for people.
  static std::string command(const Subject& subject, const std::vector<std::string>& options);

 private:
  bool weir_;
  std::unique_ptr<Child> child_;
  std::uint16_t port_ = 0;
};

}  // namespace weir::cli
