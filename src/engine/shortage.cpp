// shortage.cpp - what engines do while the limit of memory (Options::memory_max) leaves no buffer.
#include <cerrno>
#include <new>
#include <utility>

#include "base/counters.h"
#include "engine/completion.h"
#include "engine/engine.h"

namespace weir::detail {
namespace {

// Memory that other workers, or handlers, give back comes without a word.
constexpr std::int64_t memory_tick = 5'000'000;

}  // namespace

Buffer* Engine::lease(bool beyond) noexcept {
  Buffer* buffer = pool_.lease_to_send(beyond);
  if (pool_.at_limit()) begin_shortage(memory_tick);
  return buffer;
}

bool Engine::lacks_buffer(Operation& operation) noexcept {
  if (!pool_.at_limit()) {
    operation.result = -ENOMEM;
    return true;
  }
  ++base::counters.memory_waits;
  starving_ = &operation;
  return false;
}

// It is not its socket's reader: whoever is told by level would be told all the time.
void Engine::starve(Operation& operation) noexcept {
  starving_ = nullptr;
  place_on_socket(operation) = nullptr;
  operation.state = Operation::State::runnable;
  retries() ? starved_.push_front(operation) : starved_.push_back(operation);
  form_line();
}

// Whoever comes now waits behind them, though a buffer may be free when he comes.
void Engine::form_line() noexcept {
  pool_.form_line(true);
  begin_shortage(memory_tick);
}

void Engine::begin_shortage(std::int64_t until_next_look) noexcept {
  stage_room_ = 0;
  // The end of a look says when the next one is due.
  if (looks_for_memory_ || shortage_.pending()) return;
  shortage_.deadline = now() + until_next_look;
  start_wait(shortage_);
}

std::size_t Engine::starving() noexcept {
  std::size_t count = 0;
  starved_.for_each([&](Operation&) { ++count; });
  return count;
}

bool Engine::serve_starved() noexcept {
  if (starved_.empty()) return false;
  retry(starved_.pop_front());
  return true;
}

void Engine::has_retried() noexcept {
  retries_ = false;
  pool_.let_one_in(false);
}

// One by one: a buffer that only passes through serves all of them. At the limit there may be some
// too: those that the pool has spare, and those that it may have beyond.
void Engine::look_for_memory() noexcept {
  std::size_t left = starving();
  looks_for_memory_ = true;
  for (bool some = true; some && left > 0 && !pool_.is_exhausted(); --left) {
    pool_.let_one_in(true);
    retries_ = true;
    some = serve_starved();
    has_retried();
  }
  looks_for_memory_ = false;
  const bool some_starve = starving() != 0;
  pool_.form_line(some_starve);
  // Others have had their turn before those are served who have come meanwhile.
  if (some_starve) return begin_shortage(left == 0 ? 0 : memory_tick);
  if (pool_.limit_reached()) return begin_shortage(memory_tick);
  stage_room_ = options_.stage_bytes;
}

void Engine::forget_starved(const Socket& socket) noexcept {
  starved_.for_each([&](Operation& operation) {
    if (operation.socket != &socket) return;
    operation.unlink();
    operation.state = Operation::State::idle;
  });
}

// It stays armed, though nothing of it is in the kernel, so that nobody asks for it again.
void CompletionEngine::starve_socket(Socket& socket) noexcept {
  try {
    retries() ? starved_sockets_.push_front(&socket) : starved_sockets_.push_back(&socket);
  } catch (const std::bad_alloc&) { return end_stream(socket, -ENOMEM); }
  ++base::counters.memory_waits;
  socket.armed = true;
  form_line();
}

std::size_t CompletionEngine::starving() noexcept { return starved_sockets_.size(); }

bool CompletionEngine::serve_starved() noexcept {
  if (starved_sockets_.empty()) return false;
  Socket& socket = *starved_sockets_.front();
  starved_sockets_.pop_front();
  socket.armed = false;
  socket.may_receive = true;
  // Nobody may wait there any more; or he is called off, and told of that soon.
  Operation* reader = socket.reader;
  if (reader == nullptr || reader->state != Operation::State::parked) return true;
  if (take_received(*reader)) {
    has_retried();
    socket.reader = nullptr;
    resume_unflushed(*reader);
    flush();
  } else {
    arm(socket);
  }
  return true;
}

}  // namespace weir::detail
