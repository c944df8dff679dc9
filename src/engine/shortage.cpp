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
  Buffer* buffer = beyond ? pool_.lease_beyond() : pool_.lease(0);
  if (pool_.at_limit()) begin_shortage();
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
  starved_.push_back(operation);
  begin_shortage();
}

void Engine::begin_shortage() noexcept {
  stage_room_ = 0;
  if (shortage_.pending()) return;
  shortage_.deadline = now() + memory_tick;
  start_wait(shortage_);
}

void Engine::look_for_memory() noexcept {
  if (pool_.limit_reached()) return begin_shortage();
  stage_room_ = options_.stage_bytes;
  serve_starved();
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
    starved_sockets_.push_back(&socket);
  } catch (const std::bad_alloc&) { return end_stream(socket, -ENOMEM); }
  ++base::counters.memory_waits;
  socket.armed = true;
  begin_shortage();
}

void CompletionEngine::serve_starved() noexcept {
  for (Socket* socket : std::exchange(starved_sockets_, {})) {
    socket->armed = false;
    socket->may_receive = true;
    wake_reader(*socket);
  }
}

}  // namespace weir::detail
