// worker.h - one thread of a load generator.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weir/client.h>
#include <weir/task.h>

#include "cli/load/caller.h"
#include "cli/load/load.h"
#include "cli/load/window.h"

namespace weir::cli {

/// How the workers of a load keep step.
struct Together {
  explicit Together(unsigned workers) : working(workers) {}

  Window window;
  const unsigned working;
  std::atomic<unsigned> connected{0};
  std::atomic<bool> go{false};  ///< the window is set
  std::atomic<unsigned> finished{0};
  std::atomic<bool> close{false};  ///< the connections may be closed
};

/// Its share of the connections and of the rate, served by one engine.
class Worker {
 public:
  Worker(const Load& load, unsigned index, const Pattern& pattern, Together& together);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Connects everything, waits for the others, talks, waits for the others, closes.
  Task<> work();
  /// Why it could not begin; empty: it could.
  const std::string& failure() const noexcept { return failure_; }
  std::uint64_t answered() const noexcept {
    return station_.answered.load(std::memory_order_relaxed);
  }
  /// Its part of the result. After work().
  Result take_result();

 private:
  Task<> connect_all();
  Task<> connect_idle_lane(std::size_t lane);
  Task<> connect_lane(std::size_t lane);
  Task<> connect_idle(Client& client);
  Task<> talk_all();
  Task<> pace();
  Task<> check_idle(Client& client);
  bool all_quiet() const noexcept;

  const Load load_;  // Its share.
  Together& together_;
  Station station_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::vector<Client> idle_;
  std::string failure_;
};

}  // namespace weir::cli
