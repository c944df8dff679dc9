// supervisor.h - keeps a server's workers at work, and answers its signals.
#pragma once

#include <cstdint>
#include <vector>

#include "os/poll.h"
#include "server/handover.h"
#include "server/roll_call.h"
#include "server/state.h"
#include "server/watchdog.h"

namespace weir::detail {

/// Sleeps until a signal, the end of a worker or a deadline, does what is due, and sleeps again.
/// Worker processes are its children: one that dies is reaped at once and replaced.
class Supervisor {
 public:
  explicit Supervisor(Server::State& server) noexcept
      : server_(server), roll_call_(server), handover_(server), watchdog_(server) {
    server_.handover = &handover_;
  }
  ~Supervisor() { server_.handover = nullptr; }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Returns when every worker has ended.
  void run();

 private:
  bool all_ended() const noexcept;
  void attend();
  void reap() noexcept;
  void died(Member& member, const os::Ending& ending) noexcept;
  void replace() noexcept;
  void look_again() noexcept;
  void pass_stop_on() noexcept;
  void wait_for_news();
  std::int64_t next_deadline() const noexcept;

  Server::State& server_;
  RollCall roll_call_;
  Handover handover_;
  Watchdog watchdog_;
  std::vector<os::PollEntry> entries_;
  std::int64_t now_ = 0;
  std::int64_t passed_on_ = -1;  ///< the stop that the workers know of
  std::int64_t kill_at_ = -1;
  // After the death of a worker: see look_again().
  std::int64_t look_again_at_ = -1;
  std::int64_t look_again_until_ = -1;
};

}  // namespace weir::detail
