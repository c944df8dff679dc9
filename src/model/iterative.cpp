// iterative.cpp - one client at a time, served to the end.
//
// Recipe (the lecture notes' "single process"): `recipe` below.
//
// The second client waits in the backlog, for as long as the first one likes.
#include "engine/blocking.h"
#include "model/model.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Wait for a client: blocking accept.", "engine/blocking", "accept4"},
    {"Receive, process, send, with blocking calls, until it ends.", "the handler",
     "recv send sendmsg poll"},
    {"Close its socket; back to 1.", "session", "shutdown close"},
};

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<BlockingEngine>(engine_options(plan), *plan.calls, plan.control->waker);
}

void run(const Plan& plan) {
  Plan one_at_a_time = plan;
  one_at_a_time.connections_max = 1;
  run_here(one_at_a_time, make_engine(one_at_a_time));
}

}  // namespace

const ModelEntry iterative_entry{
    {Model::iterative, "iterative", "one client at a time, served to the end, blocking calls",
     "one client at a time for each worker; the others wait in the backlog", recipe},
    always_available,
    run,
    make_engine,
    true};

}  // namespace weir::detail
