// handover.h - a restart: another process is started, and takes this one's place once it is ready.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/poll.h"
#include "os/successor.h"
#include "server/state.h"

namespace weir::detail {

/// The supervisor's part that restarts. Until the successor has said that it is ready nothing has
/// changed: the listeners are open, the workers accept. If it dies, is silent or is late, nothing
/// changes at all.
class Handover {
 public:
  explicit Handover(Server::State& server) noexcept : server_(server) {}
  ~Handover() { heir_.forget(); }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  /// Somebody has asked for it.
  void begin(std::int64_t now) noexcept;
  /// Looks after what has begun.
  void attend(std::int64_t now) noexcept;

  /// In a worker process that was forked meanwhile: gives back the descriptors, which are not its
  /// own.
  void drop() noexcept;

  /// What the supervisor waits for: descriptors, and until when; the largest number: not at all.
  void wait_for(std::vector<os::PollEntry>& entries) const;
  std::int64_t deadline() const noexcept;
  /// The kernel does not tell of the successor's end.
  bool needs_asking() const noexcept;

 private:
  /// Why there is no restart now; nullptr: there can be one.
  const char* obstacle() const noexcept;
  int start_successor();
  void succeed() noexcept;
  void look_after(std::int64_t now);
  /// Begins the end of the successor's process; what its end is said to be comes with it.
  void give_up(std::int64_t now, const std::string& why);
  void abandon() noexcept;
  void failed(const char* why, int error) noexcept;

  Server::State& server_;
  std::optional<os::Successor> successor_;
  os::ChildProcess heir_;  // It has taken over; only reaped if it ends before us.
  int process_ = 0;
  std::string why_;              // It was given up for this.
  std::int64_t ready_by_ = 0;    // Then it is asked to end,
  std::int64_t killed_at_ = -1;  // and some time later not asked any more.
};

}  // namespace weir::detail
