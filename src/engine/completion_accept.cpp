// completion_accept.cpp - how the completion engine accepts, and how it ends that.
#include <algorithm>
#include <cerrno>
#include <new>

#include "base/counters.h"
#include "engine/completion.h"
#include "kernel/accept_error.h"

namespace weir::detail {

// A multishot accept stays at the head of those who wait for the listener, where the kernel finds
// it for each client: of several workers one would take them all. One that ends with each client
// goes to the back of the queue when it is asked for anew.
void CompletionEngine::arm_listener(Socket& listener) noexcept {
  if (options_.shares_listeners) {
    ring_.accept_once(listener.fd, tagged(&listener, to_accept));
  } else {
    ring_.accept_multishot(listener.fd, tagged(&listener, to_accept));
  }
}

void CompletionEngine::accepted(Socket& socket,
                                const kernel::Ring::Completion& completion) noexcept {
  if (!completion.more) {
    socket.armed = false;
    --socket.in_kernel;
  }
  if (socket.ended && !completion.more) accept_rest(socket);
  if (socket.closing) {
    if (completion.result >= 0) calls_.close(completion.result);
    return close_if_quiet(socket);
  }
  // What is neither bad luck of one client nor our own cancelling would be the next answer too.
  const bool is_told =
      completion.result >= 0 ||
      (completion.result != -ECANCELED && !kernel::accept_should_retry(-completion.result));
  if (is_told) keep_accepted(socket, completion.result);
  wake_reader(socket);
}

void CompletionEngine::keep_accepted(Socket& listener, int result) noexcept {
  try {
    accepted_.emplace_back(&listener, result);
  } catch (const std::bad_alloc&) {
    if (result >= 0) calls_.close(result);
    ++base::counters.refused_memory;
  }
}

// What a multishot accept would have brought along: those that wait behind the one it told of.
bool CompletionEngine::accepts_at_once(Operation& operation) noexcept {
  const Socket& listener = *operation.socket;
  if (!options_.shares_listeners || listener.armed || listener.ended) return false;
  const int result = calls_.accept(listener.fd, kernel::Mode::nonblocking);
  if (result == -EAGAIN || kernel::accept_should_retry(-result)) return false;
  operation.result = result;
  spend(0);
  return true;
}

bool CompletionEngine::take_accepted(Operation& operation) noexcept {
  Socket& socket = *operation.socket;
  take_off_hold(socket);  // Also while an accept that was called off is on its way back.
  const auto found = std::find_if(accepted_.begin(), accepted_.end(),
                                  [&](const auto& each) { return each.first == &socket; });
  if (found == accepted_.end()) {
    if (accepts_at_once(operation)) return true;
    if (!socket.ended || socket.armed) return false;
    operation.result = -ECANCELED;
    return true;
  }
  operation.result = found->second;
  accepted_.erase(found);
  spend(0);
  return true;
}

// The ring of a worker that was killed still waits for the listener, until the kernel comes to take
// it down: it, alone, may have been told of a client.
void CompletionEngine::look_again(Socket& listener) noexcept {
  if (!options_.shares_listeners || !listener.armed || listener.on_hold || listener.ended) return;
  const int fd = calls_.accept(listener.fd, kernel::Mode::nonblocking);
  if (fd < 0) return;
  keep_accepted(listener, fd);
  wake_reader(listener);
}

// What it has accepted meanwhile is kept, to be served when there is room.
void CompletionEngine::hold_accepts(Socket& listener) noexcept {
  listener.on_hold = true;
  if (listener.armed && !listener.ended) ring_.cancel(tagged(&listener, to_accept));
}

// What the kernel has accepted for us is ours, and the cancelled accept has an end of its own.
bool CompletionEngine::wind_up(Socket& listener) noexcept {
  listener.ended = true;
  if (listener.armed) {
    ring_.cancel(tagged(&listener, to_accept));
  } else {
    accept_rest(listener);
    wake_reader(listener);
  }
  return true;
}

// Who waits for a listener by io_uring is woken alone (EPOLLEXCLUSIVE). Of those that share it, in
// other processes too, nobody else hears of the client for whom we were woken just before our
// accept was called off: so we take whoever is there. Left alone, a client waited until the next
// one came. Where accepting is on hold they are a successor's, if there is one.
void CompletionEngine::accept_rest(Socket& listener) noexcept {
  if (listener.on_hold) return;
  constexpr int most = 4096;  // Whoever comes faster than we accept wakes the others too.
  for (int count = 0; count < most; ++count) {
    const int fd = calls_.accept(listener.fd, kernel::Mode::nonblocking);
    if (fd >= 0) {
      keep_accepted(listener, fd);
    } else if (!kernel::accept_should_retry(-fd)) {
      return;
    }
  }
}

}  // namespace weir::detail
