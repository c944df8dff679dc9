// stall_watch.h - notices handlers that keep a loop from turning, while they do.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "os/thread.h"
#include "server/state.h"

namespace weir::detail {

/// A thread that looks at workers of its own process twice in Options::stall_after. What was there
/// three looks in a row has lasted for that time at least: a process that was stopped, which
/// wakes up to a late look, has stalled nobody.
class StallWatch {
 public:
  /// All of it outlives the watch.
  explicit StallWatch(Server::State& server) noexcept;
  ~StallWatch();
  StallWatch(const StallWatch&) = delete;
  StallWatch& operator=(const StallWatch&) = delete;

  /// Watches this one, too. Before begin().
  void add(Member& member) noexcept;
  /// No effect if the model may block, or Options::stall_after is off.
  void begin() noexcept;

 private:
  struct Watched {
    Member* member;
    unsigned looks = 0;  ///< in a row at which the same was still running
  };

  bool is_heard() const noexcept { return server_.log != nullptr; }
  void run() noexcept;
  void look_at(Watched& watched);
  void tell(const Watched& watched, const std::string& whose);

  Server::State& server_;
  const std::chrono::nanoseconds interval_;
  std::vector<Watched> workers_;
  std::int64_t told_at_ = -1;
  std::size_t untold_ = 0;
  int error_ = 0;  // Why there is no watch.
  os::Thread thread_;
  bool runs_ = false;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
};

}  // namespace weir::detail
