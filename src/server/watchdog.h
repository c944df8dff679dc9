// watchdog.h - says WATCHDOG=1 for as long as every worker's loop turns.
#pragma once

#include <cstdint>

#include "server/roll_call.h"
#include "server/state.h"

namespace weir::detail {

/// Calls the roll twice in each interval that the service manager has set, and says that the
/// server lives when all have answered, on their own threads, from their own loops. A worker that
/// hangs keeps the answer back, and the manager does what it is told to do.
class Watchdog {
 public:
  explicit Watchdog(Server::State& server) noexcept : server_(server), roll_call_(server) {}

  void attend(std::int64_t now) noexcept;
  /// When it has to attend again; the largest number: when a worker answers.
  std::int64_t deadline() const noexcept;

 private:
  Server::State& server_;
  RollCall roll_call_;
  std::int64_t next_ = 0;
};

}  // namespace weir::detail
