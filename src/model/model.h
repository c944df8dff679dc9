// model.h - what a model is made of: a row of the registry.
#pragma once

#include <algorithm>
#include <memory>

#include <weir/model.h>

#include "engine/engine.h"
#include "session/worker.h"

namespace weir::detail {

struct ModelEntry {
  ModelInfo info;
  /// Whether it works here: found by trying.
  Availability (*availability)();
  /// Runs one worker by this model, on this thread, until it is stopped.
  void (*run)(const Plan& plan);
  /// An engine for connections that this thread opens itself: for weir::run().
  std::unique_ptr<Engine> (*make_engine)(const Plan& plan);
  /// Its accepting calls block, so that a busy worker leaves its listener alone.
  bool blocks;
  /// One more than the largest descriptor that it can watch; nullptr: it can watch every one.
  int (*descriptors_end)() noexcept = nullptr;
};

/// Requires: model is not automatic.
const ModelEntry& entry(Model model) noexcept;

inline Availability always_available() { return {true, {}}; }

inline EngineOptions engine_options(const Plan& plan) noexcept {
  EngineOptions options;
  options.budget_operations = plan.options.budget_operations;
  options.budget_bytes = plan.options.budget_bytes;
  options.send_when_writable = plan.options.send_when_writable;
  options.spin = plan.options.spin;
  options.spin_before_sleep = std::chrono::nanoseconds(plan.options.spin_before_sleep).count();
  options.batch_wait = std::chrono::nanoseconds(plan.options.batch_wait).count();
  // A send that leaves no room below the high-water mark has to wait in the outbox.
  options.stage_bytes = plan.options.send_when_writable
                            ? 0
                            : std::min(options.stage_bytes, plan.options.outbox_high);
  options.several_listeners = plan.listeners.size() > 1;
  options.shares_listeners = plan.shares_listeners;
  options.clients_have_bound = plan.clients_have_bound;
  options.keeps_reserve = plan.options.overload == Overload::reject && !plan.listeners.empty();
  if (plan.room != nullptr) options.memory = &plan.room->memory();
  options.memory_worker = plan.index;
  return options;
}

/// Runs a worker that serves what it accepts on its own engine.
inline void run_here(const Plan& plan, std::unique_ptr<Engine> engine) {
  Worker worker(plan, *engine);
  worker.run();
}

// The rows. Each stands in the file that is named after it.
extern const ModelEntry iterative_entry, fork_entry, threads_entry, nonblocking_entry,
    select_entry, poll_entry, epoll_lt_entry, epoll_et_entry, io_uring_entry;

}  // namespace weir::detail
