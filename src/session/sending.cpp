// sending.cpp - a session's side of send() and finish().
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "session/session.h"
#include "session/witness.h"
#include "session/worker.h"

namespace weir::detail {

std::size_t Session::outbox_size() const noexcept {
  return worker_.engine().staged(*this) + (outbox_ == nullptr ? 0 : outbox_->bytes());
}

bool Session::has_room() const noexcept { return outbox_size() < worker_.options().outbox_high; }

// What is staged already goes first, and what went before that may turn out to have failed.
Outbox& Session::outbox() {
  if (outbox_ != nullptr) return *outbox_;
  Engine& engine = worker_.engine();
  engine.settle(*this);
  check_unbroken();
  if (outbox_ == nullptr) {
    outbox_ = worker_.take_outbox();
    outbox_->bind(*this);
    sent_at = static_cast<std::uint16_t>(engine.tick());
  }
  if (base::planted(base::Mutant::stage_overtaken)) return *outbox_;
  const Piece staged = engine.unstage(*this);
  if (!staged.empty()) queue_staged(staged);
  return *outbox_;
}

// Without it the stream would have a hole: then nothing more is sent.
void Session::queue_staged(Piece staged) {
  try {
    outbox_->copy(std::span(&staged, 1), staged.size(), true);
  } catch (const std::bad_alloc&) {
    send_failed(ENOMEM);
    throw;
  }
}

// Small sends of a connection that has nothing queued; the others go through the outbox.
[[gnu::always_inline]] inline std::byte* Session::stage(std::size_t size) noexcept {
  if (outbox_ != nullptr) return nullptr;
  Engine& engine = worker_.engine();
  sent_at = static_cast<std::uint16_t>(engine.tick());
  return engine.stage(*this, size);
}

void Session::unsent(std::span<const std::byte> bytes, int error) noexcept {
  if (error != 0) return send_failed(error);
  if (bytes.empty() || broken()) return;
  try {
    outbox().copy(std::span(&bytes, 1), bytes.size(), true);
    outbox_->flush();
  } catch (const std::bad_alloc&) { send_failed(ENOMEM); } catch (const IoError&) {
    // It failed just now.
  }
}

inline SendWait* Session::send(Piece bytes) {
  if (send_is_gated()) [[unlikely]]
    return send_gated(bytes);
  return send_open(bytes);
}

// Nothing, which may be nowhere, is not staged: its size less one is the largest there is.
[[gnu::always_inline]] inline SendWait* Session::send_open(Piece bytes) {
  if (bytes.size() - 1 < Outbox::copy_limit - 1) [[likely]] {
    if (std::byte* room = stage(bytes.size())) [[likely]] {
      std::memcpy(room, bytes.data(), bytes.size());
      return nullptr;
    }
  }
  return send_otherwise(bytes);
}

// Apart, so that the usual way needs no place in memory for its piece.
SendWait* Session::send_otherwise(Piece bytes) { return send_open(std::span(&bytes, 1)); }

SendWait* Session::send(std::span<const Piece> pieces) {
  if (send_is_gated()) [[unlikely]]
    return send_gated(pieces);
  return send_open(pieces);
}

SendWait* Session::send_open(std::span<const Piece> pieces) {
  std::size_t total = 0;
  for (const Piece& piece : pieces) total += piece.size();
  if (total == 0) return nullptr;
  if (total < Outbox::copy_limit) {
    if (copies(pieces, total)) return wait_for_room();
    ++base::counters.memory_waits;  // Sent from where it is, which needs no memory.
  }
  return SendWait::make(*this, pieces);
}

SendWait* Session::send(Chunk&& chunk) {
  if (!chunk.leased()) return send(chunk.bytes());
  if (send_is_gated()) [[unlikely]]
    return send_gated(std::move(chunk));
  return send_open(std::move(chunk));
}

// Copying a few bytes is cheaper than to hold their buffer, but needs room.
[[gnu::always_inline]] inline SendWait* Session::send_open(Chunk&& chunk) {
  constexpr std::size_t worth_a_lease = 512;
  const Piece bytes = chunk.bytes();
  if (bytes.size() < worth_a_lease && copies(std::span(&bytes, 1), bytes.size())) {
    chunk = {};
  } else {
    outbox().take(std::move(chunk));
  }
  return wait_for_room();
}

// To the stage or into the outbox. False: the limit of memory leaves no room.
bool Session::copies(std::span<const Piece> pieces, std::size_t total) {
  if (std::byte* room = stage(total)) {
    for (const Piece& piece : pieces) room = std::copy(piece.begin(), piece.end(), room);
    return true;
  }
  return outbox().copy(pieces, total, false);
}

// Below the high-water mark a send is done: the bytes go out when the handler next waits. Above
// it the kernel is asked at once, and if that does not help the handler waits; unless there is no
// memory to wait with, because what throws must not have queued anything.
SendWait* Session::wait_for_room() {
  if (outbox_ == nullptr) return nullptr;  // It is on the stage.
  Engine& engine = worker_.engine();
  if (outbox_->bytes() < worker_.options().outbox_high ||
      base::planted(base::Mutant::outbox_not_bounded)) {
    engine.flush_later(*outbox_);
    return nullptr;
  }
  outbox_->flush();
  if (has_room()) return nullptr;
  try {
    return SendWait::make(*this, {});
  } catch (const std::bad_alloc&) { return nullptr; }
}

SendWait* Session::finish() {
  if (send_error_ != 0) throw IoError(send_error_, "finish");
  send_gate_ |= finishing;
  if (base::planted(base::Mutant::fin_before_flush) && !fin_sent_) {
    fin_sent_ = true;
    worker_.engine().finish_sending(*this);
  }
  worker_.engine().flush_staged(*this);
  if (outbox_ != nullptr) outbox_->flush();
  if (outbox_ == nullptr && !fin_sent_) outbox_emptied();
  if (send_error_ != 0) throw IoError(send_error_, "finish");
  if (fin_sent_) return nullptr;
  SendWait* wait = SendWait::make(*this, {});
  wait->until_empty = true;
  return wait;
}

bool Session::begin_wait(SendWait& wait) {
  if (wait.piece_count != 0) return send_is_gated() ? begin_gated(wait) : begin_open(wait);
  check_unbroken();
  // What was staged since then waits for nobody: there is no outbox that could fall.
  if (wait.until_empty ? fin_sent_ : outbox_ == nullptr || has_room()) return true;
  outbox_->add_wait(wait);
  return false;
}

[[gnu::always_inline]] inline bool Session::begin_open(SendWait& wait) {
  outbox().borrow(wait);
  outbox_->flush();
  return wait.ended_already();
}

// --- what is looked at first ------------------------------------------------------------------

void Session::check_unbroken() const {
  if (send_error_ != 0) throw IoError(send_error_, "send");
}

void Session::check_send() const {
  check_unbroken();
  if (is_finishing()) throw IoError(EPIPE, "send after finish");
}

// What waits to be handed over is told of when it is: see begin_gated().
template <class Send>
inline SendWait* Session::witness_send(std::span<const Piece> pieces, Send send) {
  SendWait* wait = send();  // If it throws it has taken nothing on.
  if (wait != nullptr && wait->piece_count != 0) return wait;
  for (const Piece& piece : pieces) worker_.plan().witness->gave(*this, piece);
  return wait;
}

SendWait* Session::send_gated(Piece bytes) {
  check_send();
  return witness_send(std::span(&bytes, 1), [=, this] { return send_open(bytes); });
}

SendWait* Session::send_gated(std::span<const Piece> pieces) {
  check_send();
  return witness_send(pieces, [=, this] { return send_open(pieces); });
}

SendWait* Session::send_gated(Chunk&& chunk) {
  check_send();
  // Once it is given away its buffer may be used again.
  const std::vector<std::byte> bytes(chunk.data(), chunk.data() + chunk.size());
  const Piece piece(bytes);
  return witness_send(std::span(&piece, 1), [&] { return send_open(std::move(chunk)); });
}

bool Session::begin_gated(SendWait& wait) {
  check_send();
  outbox();  // If there is none to be had, nothing is handed over.
  for (const Buffer& piece : wait.pieces()) {
    worker_.plan().witness->gave(*this, {piece.data, piece.size()});
  }
  return begin_open(wait);
}

// --- for the outbox ----------------------------------------------------------------------------

void Session::outbox_emptied() noexcept {
  if (is_finishing() && !fin_sent_) {
    fin_sent_ = true;
    worker_.engine().finish_sending(*this);
  }
  if (outbox_ != nullptr && outbox_->idle()) outbox_let_go();
}

void Session::outbox_let_go() noexcept {
  if (outbox_->Operation::pending()) return;  // The engine still holds it, and completes it.
  outbox_->Unflushed::unlink();
  worker_.give_back_outbox(std::exchange(outbox_, nullptr));
}

void Session::send_failed(int error) noexcept {
  if (send_error_ == 0) send_error_ = static_cast<std::int16_t>(error);
  if (outbox_ == nullptr) return;
  outbox_->fail(error);
  outbox_let_go();
}

void Session::cancel(SendWait& wait) noexcept {
  if (wait.state != Operation::State::parked) return;
  tell_given_up();
  outbox_->withdraw(wait);
}

// For Connection and Sending.
SendWait* send(Connection& connection, Piece bytes) {
  return Session::of(connection).send(bytes);
}
SendWait* send(Connection& connection, std::span<const Piece> pieces) {
  return Session::of(connection).send(pieces);
}
SendWait* send(Connection& connection, Chunk&& chunk) {
  return Session::of(connection).send(std::move(chunk));
}
SendWait* finish(Connection& connection) { return Session::of(connection).finish(); }

}  // namespace weir::detail
