#include "simulation/node.h"

#include <utility>

#include "base/counters.h"
#include "base/process_epoch.h"

namespace weir::simulated {

void NodeWaker::close() noexcept {
  if (fd_ >= 0) network_.close(std::exchange(fd_, -1));
}

int NodeWaker::fd() noexcept {
  if (fd_ < 0) fd_ = network_.open(file_);
  return fd_;
}

void NodeWaker::end_sleep() noexcept {
  file_.signalled = true;
  file_.notify(kernel::event::readable);
}

NodeTimer::NodeTimer(NodeCalls& calls) : calls_(calls), fd_(calls.network_.open(file_)) {
  calls_.timer_ = this;
}

NodeTimer::~NodeTimer() {
  calls_.timer_ = nullptr;
  calls_.network_.close(fd_);
}

bool NodeTimer::set(std::int64_t nanoseconds) noexcept {
  calls_.wake_check();
  file_.signalled = false;
  at_ = calls_.network_.now() + nanoseconds;
  return true;
}

void NodeTimer::clear() noexcept {
  calls_.wake_check();
  file_.signalled = false;
  at_ = -1;
}

void NodeTimer::look_at_time() noexcept {
  if (at_ < 0 || at_ > calls_.network_.now()) return;
  at_ = -1;
  file_.signalled = true;
  file_.notify(kernel::event::readable);
}

Node::Entered::Entered(Node& node) noexcept
    : node_(node),
      before_(detail::Worker::exchange_current(node.worker ? &*node.worker : nullptr)),
      process_before_(base::exchange_simulated_process(node.process)),
      counters_(base::counters) {
  base::counters = node.statistics_;
}

Node::Entered::~Entered() {
  node_.statistics_ = base::counters;
  base::counters = counters_;
  base::exchange_simulated_process(process_before_);
  detail::Worker::exchange_current(before_);
}

Node::~Node() {
  // In the order of a real worker's end; the worker restores what was current before it.
  worker.reset();
  engine.reset();
}

void Node::start(Model model) {
  const Entered entered(*this);
  engine = make_engine(model, plan);
  worker.emplace(plan, *engine);
  if (serves) worker->start();
}

void Node::turn() {
  const Entered entered(*this);
  const auto moved = [this] { return calls.network().moved() + engine->told(); };
  const std::uint64_t moved_before = moved();
  calls.run_again();
  worker->turn();
  rounds.note(moved() == moved_before && !calls.asleep(), calls.network().now(),
              engine->running());
  if (serves && worker->is_done()) {
    worker->finish_timers();
    has_ended_ = true;
  }
}

}  // namespace weir::simulated
