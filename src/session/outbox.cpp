#include "session/outbox.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <weir/task.h>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "session/session.h"
#include "session/worker.h"

namespace weir::detail {

namespace {

// A buffer counts in 32 bits: a longer piece is queued as several.
constexpr std::size_t piece_max = std::size_t{1} << 30;

}  // namespace

SendWait* SendWait::make(Session& session, std::span<const Piece> pieces) {
  std::size_t count = 0;
  for (const Piece& piece : pieces) count += (piece.size() + piece_max - 1) / piece_max;
  auto* wait =
      new (allocate_frame(size_of(count))) SendWait(session, static_cast<std::uint32_t>(count));
  Buffer* buffer = reinterpret_cast<Buffer*>(wait + 1);
  for (Piece rest : pieces) {
    while (!rest.empty()) {
      const Piece piece = rest.first(std::min(rest.size(), piece_max));
      rest = rest.subspan(piece.size());
      new (buffer) Buffer;
      // The kernel only reads it.
      buffer->data = const_cast<std::byte*>(piece.data());
      buffer->capacity = buffer->end = static_cast<std::uint32_t>(piece.size());
      ++buffer;
    }
  }
  return wait;
}

void SendWait::free(SendWait* wait) noexcept {
  const std::size_t size = size_of(wait->piece_count);
  wait->~SendWait();
  free_frame(wait, size);
}

std::span<Buffer> SendWait::pieces() noexcept {
  return {reinterpret_cast<Buffer*>(this + 1), piece_count};
}

void SendWait::cancel() noexcept { session.cancel(*this); }

void Outbox::bind(Session& session) noexcept {
  session_ = &session;
  socket = &session.socket();
  undelivered = not_looked;
  error_ = 0;
}

void Outbox::push(Buffer& piece) noexcept {
  piece.next = nullptr;
  if (first_ == nullptr) {
    first_ = &piece;
  } else {
    last_->next = &piece;
  }
  last_ = &piece;
  bytes_ += piece.size();
}

void Outbox::count_kept(std::size_t more) noexcept {
  Statistics& counters = base::counters;
  counters.outbox_bytes += more;
  const std::uint64_t kept = bytes_ - borrowed_;
  if (kept > counters.outbox_bytes_peak) counters.outbox_bytes_peak = kept;
}

bool Outbox::copy(std::span<const Piece> pieces, std::size_t total, bool beyond) {
  // A send that is in the kernel reads what was there before `end`; behind it there is room.
  Buffer* into = last_;
  const bool fits = first_ != nullptr && into->home != nullptr && into->room() >= total;
  if (!fits) {
    Engine& engine = session_->worker().engine();
    into = engine.lease(beyond);
    if (into == nullptr && !beyond && engine.at_memory_limit()) return false;
    if (into == nullptr) throw std::bad_alloc();
    push(*into);
  }
  for (const Piece& piece : pieces) {
    std::memcpy(into->data + into->end, piece.data(), piece.size());
    into->end += static_cast<std::uint32_t>(piece.size());
  }
  bytes_ += total;
  count_kept(total);
  return true;
}

void Outbox::take(Chunk&& chunk) {
  const std::byte* data = chunk.data();
  const std::size_t size = chunk.size();
  Buffer* lease = chunk.take_lease();
  lease->begin = static_cast<std::uint32_t>(data - lease->data);
  lease->end = lease->begin + static_cast<std::uint32_t>(size);
  push(*lease);
  count_kept(size);
}

void Outbox::borrow(SendWait& wait) noexcept {
  for (Buffer& piece : wait.pieces()) {
    ++wait.pieces_left;
    borrowed_ += piece.size();
    push(piece);
  }
  add_wait(wait);
}

void Outbox::flush() noexcept {
  Engine& engine = session_->worker().engine();
  while (first_ != nullptr && !Operation::pending()) {
    buffer = first_;
    if (!engine.start(*this)) return;
    if (result < 0) return session_->send_failed(-result);
    sent(static_cast<std::size_t>(result));
    if (first_ != nullptr && base::planted(base::Mutant::short_write_forgotten)) return;
  }
  if (first_ == nullptr) session_->outbox_emptied();
}

void Outbox::completed() noexcept {
  if (session_->broken()) {
    clear();
    return session_->outbox_let_go();
  }
  if (result == -ECANCELED) return session_->send_failed(EPIPE);
  if (result < 0) return session_->send_failed(-result);
  sent(static_cast<std::size_t>(result));
  bool cut = false;
  waits_.for_each([&](const SendWait& wait) { cut = cut || wait.withdrawn; });
  if (cut) return session_->send_failed(EPIPE);
  if (first_ == nullptr || !base::planted(base::Mutant::short_write_forgotten)) flush();
}

void Outbox::pop() noexcept {
  Buffer* gone = first_;
  first_ = gone->next;
  bytes_ -= gone->size();
  if (gone->home != nullptr) {
    base::counters.outbox_bytes -= gone->size();
    gone->home->release(*gone);
  } else {
    borrowed_ -= gone->size();
  }
}

void Outbox::sent(std::size_t count) noexcept {
  session_->note_sent();
  undelivered = not_looked;
  base::counters.bytes_sent += count;
  while (first_ != nullptr && count >= first_->size()) {
    count -= first_->size();
    if (first_->home == nullptr) {
      // Borrowed pieces belong to the waits, in order.
      for (SendWait* wait = &waits_.front();; wait = static_cast<SendWait*>(wait->next)) {
        if (wait->pieces_left == 0) continue;
        --wait->pieces_left;
        break;
      }
    }
    pop();
  }
  if (count > 0) {
    if (base::planted(base::Mutant::tail_sent_twice)) --count;
    first_->begin += static_cast<std::uint32_t>(count);
    bytes_ -= count;
    (first_->home != nullptr ? base::counters.outbox_bytes : borrowed_) -= count;
  }
  if (!waits_.empty()) wake_waits();
}

void Outbox::wake_waits() noexcept {
  const bool room = bytes_ <= session_->worker().options().outbox_low;
  waits_.for_each([&](SendWait& wait) {
    const bool ready = wait.until_empty        ? first_ == nullptr
                       : wait.piece_count == 0 ? room
                                               : wait.pieces_left == 0;
    if (!ready) return;
    wait.unlink();
    session_->worker().engine().complete_later(wait, 0);
  });
}

void Outbox::fail(int error) noexcept {
  error_ = error;
  // Nothing goes out any more. The turn's flush would take the outbox, empty now, for sent, and
  // send FIN on a descriptor that may be closed by then.
  Unflushed::unlink();
  if (state == State::idle) return clear();
  session_->worker().engine().cancel(*this);
  if (state != State::in_kernel) clear();
}

void Outbox::clear() noexcept {
  while (first_ != nullptr) pop();
  last_ = nullptr;
  bytes_ = borrowed_ = 0;
  waits_.for_each([&](SendWait& wait) {
    wait.unlink();
    session_->worker().engine().complete_later(wait, wait.withdrawn ? -ECANCELED : -error_);
  });
}

void Outbox::withdraw(SendWait& wait) noexcept {
  // Waiting for room or emptiness, nothing of it is queued as borrowed: it can just go.
  if (wait.pieces_left == 0) {
    wait.unlink();
    session_->worker().engine().complete_later(wait, -ECANCELED);
    return;
  }
  // Its bytes are in the stream's order; without them the stream is cut, for good. The kernel
  // may be reading them, so the wait ends when the operation has.
  wait.withdrawn = true;
  if (Operation::pending()) {
    session_->worker().engine().cancel(*this);
  } else {
    session_->send_failed(EPIPE);
  }
}

}  // namespace weir::detail
