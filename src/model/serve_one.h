// serve_one.h - one client on an engine of its own: for models that give each a thread or process.
#pragma once

#include <cstdint>
#include <exception>

#include "engine/blocking.h"
#include "model/model.h"

namespace weir::detail {

/// Serves a connection to its end. False: it could not be served, for want of memory, and the
/// descriptor is still open.
inline bool serve_one(const Plan& plan, const Arrival& arrival, std::uint64_t id) noexcept {
  try {
    BlockingEngine engine(engine_options(plan), *plan.calls, plan.control->waker);
    Worker worker(plan, engine);
    return worker.run_one(arrival, id);
  } catch (const std::exception&) { return false; }
}

}  // namespace weir::detail
