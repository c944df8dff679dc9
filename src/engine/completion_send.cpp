// completion_send.cpp - how the completion engine sends.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/counters.h"
#include "base/mutants.h"
#include "engine/completion.h"
#include "engine/transfer.h"

namespace weir::detail {
namespace {

// Sends of this size are tried at once, by a call of their own.
constexpr std::size_t large = 32768;
// Below it a batch of sends is cheaper than the calls. But where there is no batch a call is
// cheaper than an enter for one send; smaller ones, which are staged, need none.
constexpr std::size_t large_alone = 4096;

}  // namespace

// Much goes out at once, by a call of its own: its bytes are in the cache, and the handler need not
// wait for a turn. So does less in a turn that resumes few. What the kernel does not take then, and
// what is small, goes with the ring.
bool CompletionEngine::start_send(Operation& operation) noexcept {
  Socket& socket = *operation.socket;
  const Buffer* first = operation.buffer;
  if (first->next == nullptr) {
    const std::byte* bytes = first->data + first->begin;
    if (sends_at_once(socket, first->size())) {
      const std::int64_t sent = send_now(socket.fd, bytes, std::size_t{first->size()});
      if (has_sent(operation, first->size(), sent)) return true;
    }
    ring_.send(socket.fd, bytes, first->size(), tagged(&operation, to_operation));
  } else {
    kernel::Slice slices[kernel::slices_max];
    std::size_t total = 0;
    const std::size_t count = gather(first, slices, kernel::slices_max, total);
    if (sends_at_once(socket, total)) {
      const std::int64_t sent = send_now(socket.fd, slices, count);
      if (has_sent(operation, total, sent)) return true;
    }
    ring_.send(socket.fd, slices, count, tagged(&operation, to_operation));
  }
  ++socket.in_kernel;
  socket.writer = &operation;
  operation.state = Operation::State::in_kernel;
  return false;
}

bool CompletionEngine::sends_at_once(const Socket& socket, std::size_t size) const noexcept {
  const std::size_t least = resumes_many_ ? large : large_alone;
  return size >= least && socket.may_send && within_budget();
}

bool CompletionEngine::has_sent(Operation& operation, std::size_t size,
                                std::int64_t sent) noexcept {
  Socket& socket = *operation.socket;
  socket.may_send = sent == static_cast<std::int64_t>(size);
  if (sent == -EAGAIN) return false;
  if (sent > 0) spend(sent);
  operation.result = static_cast<std::int32_t>(sent);
  return true;
}

// --- small sends of a connection that has nothing queued -------------------------------------

// What was staged goes with the turn's enter, in a request that does not wait and says nothing when
// it is well. One a connection: behind one that failed, a second could still get through.
void CompletionEngine::send_silently() noexcept {
  Socket& socket = *staged_for();
  const std::span<const std::byte> staged = take_staged();
  if (socket.silent || silent_count_ == silent_.size() ||
      silent_bytes_used_ + staged.size() > silent_bytes_most) [[unlikely]] {
    return socket.unsent(staged, 0);
  }
  std::byte* bytes = silent_bytes_.get() + silent_bytes_used_;
  std::memcpy(bytes, staged.data(), staged.size());
  silent_bytes_used_ += staged.size();
  Silent& silent = silent_[silent_count_++];
  silent = {&socket, bytes, staged.size()};
  socket.silent = true;
  ++socket.in_kernel;
  ring_.send_at_once(socket.fd, bytes, staged.size(), tagged(&silent, to_silent));
}

void CompletionEngine::let_go_of(Silent& silent) noexcept {
  Socket& socket = *std::exchange(silent.socket, nullptr);
  socket.silent = false;
  --socket.in_kernel;
  if (socket.closing) close_if_quiet(socket);
}

// Not all of it was taken, or it failed.
void CompletionEngine::spoke(Silent& silent, std::int32_t result) noexcept {
  Socket& socket = *silent.socket;
  let_go_of(silent);
  const std::size_t taken = result > 0 ? static_cast<std::size_t>(result) : 0;
  base::counters.bytes_sent += taken;
  if (socket.closing || taken == silent.size) return;
  const bool full = result >= 0 || result == -EAGAIN || result == -EINTR;
  if (full) socket.may_send = false;
  socket.unsent({silent.bytes + taken, silent.size - taken}, full ? 0 : -result);
}

// Those of which nothing was said, after everything was. (While completions overflow there may be
// more to be said.)
void CompletionEngine::settle_all() noexcept {
  if (silent_count_ == 0 || !ring_.handed_over() || ring_.overflowed()) return;
  for (std::size_t i = 0; i < silent_count_; ++i) {
    if (silent_[i].socket == nullptr) continue;
    base::counters.bytes_sent += silent_[i].size;
    let_go_of(silent_[i]);
  }
  silent_count_ = silent_bytes_used_ = 0;
}

// Seldom: two tasks of a connection send in one turn, or one ends it. Nobody is resumed by this.
// But what others have in the ring is settled, too. A send of the connection that something is
// staged for may come back unsent, or fail: what is staged follows it, before its handler sends
// more, or goes nowhere.
void CompletionEngine::settle(Socket& socket) noexcept {
  if (!socket.silent) return;
  Socket* const staged = staged_for();
  const bool follows = staged != nullptr && staged->silent;
  without_stage([&] {
    while (socket.silent) {
      ring_.submit_and_wait(0, 0);
      reap();
    }
  });
  if (!follows || staged->silent || base::planted(base::Mutant::stage_left_behind)) return;
  staged->unsent(take_staged(), 0);
}

void CompletionEngine::flush_staged(Socket& socket) noexcept {
  if (!socket.silent) return Engine::flush_staged(socket);
  settle(socket);
  if (staged_for() == &socket) socket.unsent(take_staged(), 0);
}

}  // namespace weir::detail
