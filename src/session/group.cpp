// group.cpp - when_any, when_all and within: several lines of execution seen as one.
#include <cerrno>

#include <weir/time.h>
#include <weir/when.h>

#include "base/mutants.h"

namespace weir::detail {

void Group::cancel() noexcept {
  for (Branch* branch = first_; branch != nullptr; branch = branch->next) {
    if (branch->started) branch->scope.cancel();
  }
}

unsigned Group::awaits(const Suspension& own) const noexcept {
  unsigned all = 0;
  for (const Branch* branch = first_; branch != nullptr; branch = branch->next) {
    if (branch->started) all |= branch->scope.awaits(own);
  }
  return all;
}

void Group::add(Branch& branch) noexcept {
  branch.group = this;
  *last_ = &branch;
  last_ = &branch.next;
}

void Group::run() noexcept {
  // Once it is decided, the rest need not start at all. It is, where the first to end decides, as
  // soon as one waits in a line that is cancelled: its wait ends by that, and if one behind it that
  // never has to wait decided instead, nothing could end a handler that goes round by it.
  const auto is_decided = [this] {
    return decisive_ != nullptr || (first_ends_all_ && running_ != 0 && outer_->cancelled());
  };
  for (Branch* branch = first_; branch != nullptr && !is_decided(); branch = branch->next) {
    branch->started = true;
    branch->scope.outer = outer_;
    ++running_;
    if (branch->start()) note_end(*branch);
  }
}

void Group::ended(Branch& branch) noexcept {
  note_end(branch);
  const bool early = base::planted(base::Mutant::double_resume);
  if ((running_ != 0 && !early) || !suspended_) return;
  outer_->resume();
  awaiting_.resume();
}

void Group::note_end(Branch& branch) noexcept {
  --running_;
  const bool failed = branch.failed();
  if (decisive_ != nullptr || (!failed && !first_ends_all_)) return;
  decisive_ = &branch;
  for (Branch* other = first_; other != nullptr; other = other->next) {
    if (other != &branch && other->started) other->scope.cancel();
  }
}

void Deadline::wait(std::chrono::nanoseconds duration, std::coroutine_handle<> awaiting,
                    Scope& outer) {
  task_runs_ = true;
  awaiting_ = awaiting;
  outer_ = &outer;
  inner_.outer = &outer;
  timer_.deadline = deadline_after(duration);
  start(timer_);
  outer.suspend(*this);
}

void Deadline::task_ended() noexcept {
  task_runs_ = false;
  // The timer's completion resumes the awaiter: the engine may still hold it.
  if (timer_.pending()) {
    if (!base::planted(base::Mutant::deadline_not_cancelled)) timer_.cancel();
  } else {
    resume();
  }
}

void Deadline::timer_ended() noexcept {
  if (!task_runs_) return resume();
  expired_ = timer_.result == 0;
  inner_.cancel();
}

void Deadline::resume() noexcept {
  note_running(*outer_);
  outer_->resume();
  awaiting_.resume();
}

void throw_timed_out() { throw IoError(ETIMEDOUT, "deadline passed"); }

}  // namespace weir::detail
