// roll_call.h - asks every worker for its numbers; the answer says too that its loop turns.
#pragma once

#include <cstdint>
#include <string>

#include "server/state.h"

namespace weir::detail {

class RollCall {
 public:
  explicit RollCall(Server::State& server) noexcept : server_(server) {}

  /// Begins one, of which the workers hear at once.
  void begin(std::int64_t now) noexcept;
  bool open() const noexcept { return open_; }
  /// True, once: every worker has answered, or the patience with those that are busy is over.
  bool ended(std::int64_t now) noexcept;
  /// Of the last one: every worker that runs has answered.
  bool complete() const noexcept;
  /// Those that have not: "0, 2".
  std::string silent() const;
  /// Nobody is waited for any more.
  void end() noexcept { open_ = false; }
  std::int64_t deadline() const noexcept { return deadline_; }

 private:
  bool is_silent(const Member& member) const noexcept;

  Server::State& server_;
  bool open_ = false;
  std::uint64_t number_ = 0;
  std::int64_t deadline_ = 0;
};

}  // namespace weir::detail
