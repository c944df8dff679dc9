// io_uring.cpp - io_uring(7): the kernel performs the operations and says when they are done.
//
// Recipe: `recipe` below.
//
// Works from Linux 6.1 (DEFER_TASKRUN, provided buffer rings); found by trying.
#include "engine/completion.h"
#include "model/model.h"
#include "os/ring.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Make a ring and give it a stock of buffers.", "os/ring",
     "io_uring_setup io_uring_register mmap"},
    {"Ask once for every connection that will come (multishot accept; of workers that share a "
     "listener each asks for one at a time), and, of each, for everything that it will send "
     "(multishot receive).",
     "engine/completion", "sqe:accept sqe:recv"},
    {"Queue every other request; one system call a turn hands all over and waits for "
     "completions.",
     "engine/completion",
     "sqe:send sqe:sendmsg sqe:poll sqe:close sqe:cancel sqe:nop io_uring_enter"},
    {"Walk the completions; resume whose operation is done.", "engine/completion",
     "cqe:accept cqe:recv cqe:send cqe:sendmsg cqe:poll cqe:close cqe:cancel cqe:nop"},
    {"Try at once to send what is large and to receive from who streams, by calls of their own; "
     "the ring says when to try again.",
     "engine/completion", "send sendmsg recv"},
    {"A buffer goes back into the stock when the handler has let go of it.", "os/ring", ""},
};

Availability available() {
  const int error = os::Ring::probe();
  if (error == 0) return {true, {}};
  return {false, os::Ring::explain(-error)};
}

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<CompletionEngine>(engine_options(plan), *plan.calls,
                                            plan.control->waker);
}

void run(const Plan& plan) { run_here(plan, make_engine(plan)); }

}  // namespace

const ModelEntry io_uring_entry{
    {Model::io_uring, "io-uring", "io_uring(7): the kernel performs the calls, told in batches",
     "descriptors; Linux 6.1 or later, often forbidden in containers", recipe},
    available,
    run,
    make_engine,
    false};

}  // namespace weir::detail
