// placement.h - where a model serves what it accepts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::detail {

class Worker;

/// A connection that the kernel has accepted for a worker.
struct Arrival {
  int fd;
  bool is_tcp;
  bool is_introduced = false;  ///< a proxy says first who the client is
  std::uint64_t key = 0;       ///< as which its address is counted; 0: it is not
};

/// Loop models serve a connection where it was accepted; `threads` and `fork` hand it on. All
/// calls come from the accepting worker's thread.
class Placement {
 public:
  virtual ~Placement() = default;
  /// Takes the descriptor over: 0. Or -errno when it cannot be served now; it stays open then.
  virtual int serve(Worker& acceptor, const Arrival& arrival, std::uint64_t id) noexcept = 0;
  /// How many it serves now. Reclaims those that have ended, and tells the acceptor of each.
  virtual std::size_t open() noexcept = 0;
  /// Stop: `drain` ns for those that are served to end by themselves. Returns at once.
  virtual void stop(std::int64_t drain) noexcept = 0;
  /// The drain time is over: ends what is left.
  virtual void cut() noexcept = 0;
};

}  // namespace weir::detail
