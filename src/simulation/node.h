// node.h - one simulated thread that runs a worker: its kernel calls and its sleep.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <weir/model.h>

#include "engine/control.h"
#include "engine/engine.h"
#include "kernel/calls.h"
#include "session/worker.h"
#include "simulation/network.h"
#include "simulation/rounds.h"

namespace weir::simulated {

/// Something that a sleeping node waits for, beside the time.
class Sleeper {
 public:
  virtual bool ready() = 0;

 protected:
  ~Sleeper() = default;
};

class NodeCalls;

/// A timerfd(2) of a node.
class NodeTimer final : public kernel::Timer {
 public:
  explicit NodeTimer(NodeCalls& calls);
  ~NodeTimer() override;

  int fd() const noexcept override { return fd_; }
  bool set(std::int64_t nanoseconds) noexcept override;
  void clear() noexcept override;

  /// When it strikes; negative: never.
  std::int64_t at() const noexcept { return at_; }
  /// Makes it readable if its time has come.
  void look_at_time() noexcept;

 private:
  NodeCalls& calls_;
  EventFile file_;
  int fd_;
  std::int64_t at_ = -1;
};

/// The system calls of one node. They never block: a call that would sleeps is noted, and the
/// world runs the node again when it would have returned.
class NodeCalls final : public kernel::Calls {
 public:
  NodeCalls(Network& network, unsigned name) noexcept : network_(network), name_(name) {}

  /// Notes a wait that found nothing: until something is ready or the time has passed (negative:
  /// for ever). What the node does before it is run again it should have slept through.
  void fall_asleep(Sleeper* sleeper, std::int64_t nanoseconds) noexcept;
  bool due() noexcept { return !asleep_ || is_ready() || time_is_up(); }
  bool is_ready() noexcept {
    if (timer_ != nullptr) timer_->look_at_time();
    return sleeper_ != nullptr && sleeper_->ready();
  }
  bool time_is_up() noexcept { return wakes_at_ >= 0 && wakes_at_ <= network_.now(); }
  /// Asleep in a blocking call, which ends by its descriptor, or when its bound is reached.
  bool in_blocking_call() const noexcept { return asleep_ && in_call_; }
  /// When it wakes by itself; negative: never.
  std::int64_t wakes_at() const noexcept {
    const std::int64_t timer = timer_ == nullptr ? -1 : timer_->at();
    return timer >= 0 && (wakes_at_ < 0 || timer < wakes_at_) ? timer : wakes_at_;
  }
  /// The wait that was noted is over. The next one stands for its return: it is the call in which
  /// the node would have been until now.
  void run_again() noexcept {
    timed_out_ = asleep_ && !in_call_ && !is_ready() && time_is_up();
    asleep_ = in_call_ = false;
  }
  bool asleep() const noexcept { return asleep_; }
  /// The node made a call while it should have slept: it had work and did not know.
  bool overslept() const noexcept { return overslept_; }
  /// Whether a wait returns early, with nothing, this time.
  bool interrupted() { return network_.strikes(Fault::interrupted); }
  Network& network() noexcept { return network_; }
  unsigned name() const noexcept { return name_; }
  bool is_frozen() const noexcept { return is_ghost_; }
  /// It no longer runs: what it does now is only tidying up.
  void freeze() noexcept {
    asleep_ = overslept_ = false;
    is_ghost_ = true;
  }

  kernel::Clock& clock() noexcept override { return network_; }
  std::int64_t receive(int fd, void* data, std::size_t size) noexcept override;
  std::int64_t send(int fd, const void* data, std::size_t size) noexcept override;
  std::int64_t send(int fd, const kernel::Slice* slices, std::size_t count) noexcept override;
  std::int64_t receive_blocking(int fd, void* data, std::size_t size) noexcept override;
  std::int64_t send_blocking(int fd, const void* data, std::size_t size) noexcept override;
  int accept(int listener, kernel::Mode mode) noexcept override;
  int socket_for(const Endpoint& endpoint, kernel::Mode mode) noexcept override;
  int bind_source(int fd, const Endpoint& from) noexcept override;
  int connect(int fd, const Endpoint& endpoint) noexcept override;
  int connect_result(int fd) noexcept override;
  void close(int fd) noexcept override;
  int duplicate(int fd) noexcept override;
  void finish_sending(int fd) noexcept override;
  void reset_on_close(int fd) noexcept override;
  std::size_t unread(int fd) noexcept override;
  std::size_t undelivered(int fd) noexcept override;
  void set_blocking_bound(int fd, std::int64_t nanoseconds) noexcept override;
  bool has_blocking_bound(int fd) noexcept override;
  void set_nonblocking(int, bool) noexcept override {}
  bool is_nonblocking(int) noexcept override { return false; }
  Endpoint local(int fd) override;
  Endpoint peer(int fd) override;
  std::size_t poll(kernel::PollEntry* entries, std::size_t count,
                   std::int64_t nanoseconds) noexcept override;
  void rest(std::int64_t nanoseconds) noexcept override;
  bool still_waits() const noexcept override { return asleep_ && !in_call_; }
  std::unique_ptr<kernel::Timer> make_timer() noexcept override;
  std::unique_ptr<kernel::Epoll> make_epoll() override;
  std::unique_ptr<kernel::Ring> make_ring(const kernel::Ring::Options& options) override;

 private:
  /// Those of the last poll(), or the one descriptor of a blocking call.
  class Polled final : public Sleeper {
   public:
    explicit Polled(Network& network) noexcept : network_(network) {}
    bool ready() override;
    std::vector<kernel::PollEntry> entries;

   private:
    Network& network_;
  };

  friend NodeTimer;
  void wake_check() noexcept { overslept_ = overslept_ || (asleep_ && !in_call_); }
  void sleep_on(int fd, std::int16_t wanted) noexcept;

  Network& network_;
  unsigned name_;
  Polled polled_{network_};
  Sleeper* sleeper_ = nullptr;
  NodeTimer* timer_ = nullptr;  // The engine's, which has one at most.
  std::int64_t wakes_at_ = 0;
  bool asleep_ = false;
  bool timed_out_ = false;
  bool in_call_ = false;  // Asleep in a blocking call, whose caller goes on.
  bool overslept_ = false;
  bool is_ghost_ = false;
};

/// Wakes a node by a descriptor, as an eventfd(2) does.
class NodeWaker final : public kernel::Waker {
 public:
  explicit NodeWaker(Network& network) noexcept : network_(network) {}
  ~NodeWaker() override { close(); }
  int fd() noexcept override;
  void close() noexcept;

 private:
  void end_sleep() noexcept override;
  void rearm() noexcept override { file_.signalled = false; }

  Network& network_;
  EventFile file_;
  int fd_ = -1;
};

/// A worker, what it runs on and what it is told.
class Node {
 public:
  Node(Network& network, unsigned name) noexcept
      : calls(network, name), waker(network), control(waker) {
    plan.control = &control;
    plan.calls = &calls;
    plan.index = name;
  }
  ~Node();

  /// Makes engine and worker, as `model` has it. Throws what they throw.
  void start(Model model);
  /// One turn of the worker, if it is not asleep; as its thread would have it.
  void turn();
  /// Does something as this node's thread.
  template <class Action>
  void act(Action action) {
    const Entered entered(*this);
    action();
  }
  /// A blocking call looks now and then whether it was woken; here, at once. What else it would
  /// look for at its bound are the deadlines: if there are none, it sleeps on.
  bool due() noexcept {
    if (!calls.in_blocking_call()) return calls.due();
    return calls.is_ready() || waker.woken() || (engine->is_ticking() && calls.time_is_up());
  }
  /// When it wakes by itself; negative: never.
  std::int64_t wakes_at() noexcept {
    return calls.in_blocking_call() && !engine->is_ticking() ? -1 : calls.wakes_at();
  }
  bool ended() noexcept { return has_ended_; }
  const Statistics& statistics() const noexcept { return statistics_; }

  NodeCalls calls;
  NodeWaker waker;
  detail::Control control;
  detail::Plan plan;
  std::unique_ptr<detail::Engine> engine;
  std::optional<detail::Worker> worker;
  Rounds rounds;
  bool serves = false;   ///< has listeners: ends when it was stopped and all has ended
  bool dead = false;     ///< died; not run any more
  unsigned process = 0;  ///< its own, if it is one; 0: it is a thread of everybody's

 private:
  /// This node's worker and counters are the thread's while this lives.
  class Entered {
   public:
    explicit Entered(Node& node) noexcept;
    ~Entered();

   private:
    Node& node_;
    detail::Worker* before_;
    unsigned process_before_;
    Statistics counters_;
  };

  bool has_ended_ = false;
  Statistics statistics_;
};

/// The engine of a model over what the plan calls. In src/model, which names the models.
std::unique_ptr<detail::Engine> make_engine(Model model, const detail::Plan& plan);

/// While what it yields lives, a bug that ends the process by a signal, or that a sanitizer finds,
/// says which seed it was (base::tell_assertion_context()); if the signal came from outside,
/// `tell_all` says which there are. In src/model, which may ask the system.
std::shared_ptr<const void> watch_crashes(void (*tell_all)() noexcept);
/// While what it yields lives, this thread can tell of an overflow of its stack, too.
std::shared_ptr<const void> spare_stack();

}  // namespace weir::simulated
