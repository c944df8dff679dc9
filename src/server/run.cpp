// run.cpp - programs that are clients only.
#include <weir/client.h>

#include <exception>

#include "model/model.h"
#include "os/calls.h"
#include "os/waker.h"
#include "server/launch.h"
#include "server/report.h"

namespace weir {
namespace {

class End final : public detail::Waiter {
 public:
  explicit End(detail::Engine& engine) noexcept : engine_(engine) {}
  void done() noexcept override {
    reached = true;
    engine_.call_attention();
  }
  bool reached = false;

 private:
  detail::Engine& engine_;
};

Task<int> zero_after(Task<> task) {
  co_await std::move(task);
  co_return 0;
}

int result_of(Task<int>& task) {
  try {
    return task.result();
  } catch (const std::exception& error) { detail::report(error.what()); } catch (...) {
    detail::report("an exception that is not a std::exception");
  }
  return 1;
}

}  // namespace

int run(Task<int> task, Model model, const Options& options) {
  try {
    const Choice choice = detail::resolve_model(model);
    os::Waker waker;
    detail::Control control(waker);
    detail::Plan plan;
    plan.options = options;
    plan.control = &control;
    plan.calls = &os::calls();
    const auto engine = detail::entry(choice.model).make_engine(plan);
    detail::Worker worker(plan, *engine);
    detail::Scope scope;
    End end(*engine);
    if (task.start(scope, end)) end.reached = true;
    worker.run_until(end.reached);
    return result_of(task);
  } catch (const std::exception& error) {
    detail::report(error.what());
    return 2;
  }
}

int run(Task<> task, Model model, const Options& options) {
  return run(zero_after(std::move(task)), model, options);
}

}  // namespace weir
