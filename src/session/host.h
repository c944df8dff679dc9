// host.h - who runs a worker, as the worker sees it.
#pragma once

#include <cstdint>

namespace weir::detail {

class Host {
 public:
  virtual ~Host() = default;
  /// On the worker's thread: it has begun, or somebody has woken it.
  virtual void woken(unsigned worker) noexcept = 0;
  /// Whether a roll call is open that the worker has not answered; woken() does.
  virtual bool is_called(unsigned worker) const noexcept = 0;
  /// Whether there is something to do for woken() of which no wake has told: child processes
  /// cannot wake the worker.
  virtual bool has_news() const noexcept = 0;
  /// On the worker's thread, a few times a second: its counters are worth a look.
  virtual void counted(unsigned worker) noexcept = 0;
  /// How long a stop lets sessions go on, in ns; negative: nobody has asked for one. From any
  /// thread, and in child processes.
  virtual std::int64_t stop_drain() const noexcept = 0;
  /// In a child process that the worker has forked for a client: gives back the descriptors that
  /// are not the client's.
  virtual void forked() noexcept = 0;
};

}  // namespace weir::detail
