// simulated.h - a world in which a test's servers and clients live, instead of on this machine.
//
// The behaviours are the same functions: where their server is simulated, their clients, their
// pauses and their patience are, too. The world runs on a thread of its own, and only while the
// test waits for it: one of both at a time, so that a seed decides all that happens.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <weir/model.h>
#include <weir/simulation.h>

#include "tests/conformance/handlers.h"
#include "tests/support/clock.h"
#include "tests/support/program.h"

namespace conformance {

class SimulatedWorld final : public support::Simulation {
 public:
  using World = weir::simulation::World;

  explicit SimulatedWorld(std::uint64_t seed);
  ~SimulatedWorld() override;

  /// Ends it, and everything in it: why it failed; empty if it did not.
  std::string end();

  /// The server program with these arguments, over this model's engine.
  std::unique_ptr<support::Program> start(weir::Model model,
                                          const std::vector<std::string>& words);

  std::chrono::nanoseconds now() override { return std::chrono::nanoseconds(now_.load()); }
  void rest(std::chrono::nanoseconds duration) override;
  support::Line* connect(const std::string& address,
                         const support::LineOptions& options) override;

  // What happens there is done on the world's thread, while the caller waits.

  /// Throws what it throws.
  void act(const std::function<void(World&)>& action);
  /// Looks again and again, while time passes; false: it is not so after all this time.
  bool eventually(const std::function<bool(World&)>& look, std::chrono::nanoseconds patience);

 private:
  struct Request {
    const std::function<bool(World&)>& look;
    std::chrono::nanoseconds patience;
    bool fulfilled = false;
    std::exception_ptr error = nullptr;
  };

  void run(std::uint64_t seed);
  weir::Task<> serve_requests(World& world);
  Request* next(World& world);
  static void look(Request& request, World& world);

  std::mutex one_at_a_time_;  // A test may have several threads.
  std::mutex mutex_;
  std::condition_variable changed_;
  Request* request_ = nullptr;
  bool answered_ = true;
  bool taken_ = false;  // The world is at it.
  bool leave_ = false;
  bool ended_ = false;
  std::string failure_;
  std::atomic<std::int64_t> now_{0};
  std::thread thread_;
};

}  // namespace conformance
