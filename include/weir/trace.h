// trace.h - what a server asks of the system, call by call. `weir explain` is made of it.
//
//     weir::Trace trace;
//     server.start();
//     ...
//     trace.stop();
//     for (const weir::TracedCall& call : trace.calls()) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// A piece of a traced call as text; a descriptor is left as a number, so that whoever prints it
/// can give it a name.
struct TracedText {
  std::string text;
  int fd = -1;  ///< if not negative: this descriptor stands here, and `text` is empty
};

/// A descriptor that a call asked about, or was told of.
struct TracedInterest {
  int fd = -1;
  bool receive = false;
  bool send = false;
};

/// One system call, or one request to or completion from an io_uring.
struct TracedCall {
  /// As in the manual: "recv". A request is "sqe:recv", "sqe:accept", ...; its
  /// completions are "cqe:recv", "cqe:accept", ...
  std::string_view name;
  int process = 0;
  int thread = 0;  ///< the system's numbers (getpid(2), gettid(2))
  /// Nanoseconds of the monotonic clock. A call that has not returned yet has `returned` off;
  /// then `result`, `end`, `asked` and `told` mean nothing.
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool returned = false;
  std::size_t order = 0;  ///< its place in the order of returning, from 1; 0: not returned

  int fd = -1;              ///< what it is about; of a completion: what the request was about
  std::int64_t result = 0;  ///< a value, or -errno
  std::vector<TracedText> arguments;  ///< in the order of the manual, without commas
  std::vector<TracedText> outcome;    ///< the result in words: "5 bytes", "EAGAIN"
  std::vector<TracedInterest> asked;  ///< of epoll_ctl, poll and select
  std::vector<TracedInterest> told;   ///< of epoll_wait, poll and select
  bool accepted = false;              ///< `result` is a new connection
  bool can_wait = false;              ///< a call that may sleep: epoll_wait, blocking recv, ...
};

/// Records the system calls of the library in this process, all threads, and in the children
/// that it forks meanwhile. One at a time in a process. Costs memory (some 8 MiB) and a few
/// hundred nanoseconds a call; a program without one pays one predictable branch a call.
class Trace {
 public:
  /// Records from now on. Requires: no other Trace exists, and no server runs.
  /// Throws std::system_error when there is no memory.
  Trace();
  /// Requires: no server runs.
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// What this thread calls is not recorded from now on. Any thread.
  static void spare_this_thread() noexcept;

  /// Records no more, in no process. Any thread.
  void stop() noexcept;

  /// How many calls have returned so far. Any thread.
  std::size_t returned() const noexcept;

  /// Those recorded so far: first what has returned, in the order of returning, then what has
  /// not. Without those whose `order` is `after` or less, for who looks again and again; one that
  /// returns at this moment may come later than one that returned after it. Any thread.
  std::vector<TracedCall> calls(std::size_t after = 0) const;
  /// Calls that were not recorded because the memory was full.
  std::size_t lost() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
