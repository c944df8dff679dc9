// caller.h - one connection of a load, and the next one when that breaks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include <weir/channel.h>
#include <weir/client.h>
#include <weir/task.h>

#include "cli/load/exchange.h"
#include "cli/load/load.h"
#include "cli/load/result.h"
#include "cli/load/sources.h"
#include "cli/load/window.h"

namespace weir::cli {

/// What the callers of one worker share. All of it outlives them.
struct Station {
  const Load& load;
  const Pattern& pattern;
  Window& window;
  Sources sources;
  Result result;
  Statuses statuses{};
  /// Open loop with churn: what is due and nobody has taken.
  Channel<std::int64_t> due{SIZE_MAX};
  std::uint64_t due_count = 0;
  std::atomic<std::uint64_t> answered{0};  ///< for the progress line, of another thread
};

class Caller {
 public:
  Caller(Station& station, std::uint64_t number);
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// Connects, and notes how long it took. Throws IoError.
  Task<> connect();
  /// One exchange, so that the server has certainly accepted this connection and, as it accepts
  /// in order, those that were made before it. Throws IoError, BadReply.
  Task<> greet();
  /// Closed loop: sends and checks until the window ends and every reply is there. Open loop:
  /// until it is cancelled. Broken connections are counted and replaced.
  Task<> talk();
  /// Open loop: a request is due. It is sent, or waits until one that is in flight is answered.
  Task<> arrive(std::int64_t due);
  /// Open loop: whether every request that was due is answered.
  bool quiet() const noexcept { return in_flight_.empty() && waiting_.empty(); }

  /// At the end: counts what was never answered, and closes.
  void finish(std::int64_t now);

 private:
  struct Request {
    std::int64_t due;
    std::int64_t sent;
  };

  Task<> come_due();
  Task<> converse();
  bool next_due(std::int64_t now, Request& request);
  void answered(unsigned replies, std::int64_t now);
  void failed(const std::string& kind);
  void lose(const Request& request, std::int64_t now);
  bool goes_on() const noexcept;

  Station& station_;
  std::unique_ptr<Exchange> exchange_;
  Client client_;
  bool ready_ = false;  // Open loop: what arrives may be sent.
  std::deque<Request> in_flight_;
  std::deque<std::int64_t> waiting_;  // Open loop: due, but not sent.
};

}  // namespace weir::cli
