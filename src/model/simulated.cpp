// simulated.cpp - any model over a simulated network: same seed, same run.
//
// Recipe
//   1. Draw a model from the seed, or take the one that was asked for.  simulation/world
//   2. Make its engine, the real one; give it the simulated kernel.     make_engine()
//   3. Give each worker its turns, and the network its own, in an order drawn from the seed.
//   4. When nobody can do anything, let time pass to the next timer or arrival.
//
// So what is simulated is the kernel, not the model: engine, poller, sessions, outboxes and
// drain are those of production.
#include "base/assert.h"
#include "model/model.h"
#include "os/crash.h"
#include "simulation/node.h"

namespace weir::simulated {

std::unique_ptr<detail::Engine> make_engine(Model model, const detail::Plan& plan) {
  return detail::entry(model).make_engine(plan);
}

std::shared_ptr<const void> watch_crashes(void (*tell_all)() noexcept) {
  return std::make_shared<os::CrashWatch>(base::tell_assertion_context, tell_all);
}

std::shared_ptr<const void> spare_stack() { return std::make_shared<os::SpareStack>(); }

}  // namespace weir::simulated
