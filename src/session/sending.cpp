// sending.cpp - a session's side of send() and finish().
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "session/session.h"
#include "session/worker.h"

namespace weir::detail {

std::size_t Session::outbox_size() const noexcept {
  return worker_.engine().staged(*this) + (outbox_ == nullptr ? 0 : outbox_->bytes());
}

// What is staged already goes first.
Outbox& Session::outbox() {
  if (outbox_ == nullptr) {
    outbox_ = worker_.take_outbox();
    outbox_->bind(*this);
    sent_at = static_cast<std::uint16_t>(worker_.engine().tick());
    const Piece staged = worker_.engine().unstage(*this);
    if (!staged.empty()) outbox_->copy(std::span(&staged, 1), staged.size(), true);
  }
  return *outbox_;
}

// Small sends of a connection that has nothing queued; the others go through the outbox.
std::byte* Session::stage(std::size_t size) noexcept {
  if (outbox_ != nullptr) return nullptr;
  Engine& engine = worker_.engine();
  sent_at = static_cast<std::uint16_t>(engine.tick());
  return engine.stage(*this, size);
}

void Session::unsent(std::span<const std::byte> bytes, int error) noexcept {
  if (error != 0) return send_failed(error);
  try {
    outbox().copy(std::span(&bytes, 1), bytes.size(), true);
    outbox_->flush();
  } catch (const std::bad_alloc&) { send_failed(ENOMEM); }
}

bool Session::send(Piece bytes, SendWait*& wait) {
  check_send();
  if (bytes.size() < Outbox::copy_limit) [[likely]] {
    if (std::byte* room = stage(bytes.size())) [[likely]] {
      std::memcpy(room, bytes.data(), bytes.size());
      return true;
    }
  }
  return send(std::span(&bytes, 1), wait);
}

bool Session::send(std::span<const Piece> pieces, SendWait*& wait) {
  check_send();
  std::size_t total = 0;
  for (const Piece& piece : pieces) total += piece.size();
  if (total == 0) return true;
  if (total < Outbox::copy_limit) {
    if (std::byte* room = stage(total)) {
      for (const Piece& piece : pieces) room = std::copy(piece.begin(), piece.end(), room);
      return true;
    }
    if (outbox().copy(pieces, total, false)) return wait_for_room(wait);
    ++base::counters.memory_waits;  // Sent from where it is, which needs no memory.
  }
  wait = SendWait::make(*this, pieces);
  outbox().borrow(*wait);
  outbox_->flush();
  return wait->ended_already();
}

bool Session::send(Chunk&& chunk, SendWait*& wait) {
  constexpr std::size_t worth_a_lease = 512;
  if (chunk.size() < worth_a_lease || !chunk.leased()) { return send(chunk.bytes(), wait); }
  check_send();
  outbox().take(std::move(chunk));
  return wait_for_room(wait);
}

// Below the high-water mark a send is done: the bytes go out when the handler next waits. Above
// it the kernel is asked at once, and if that does not help the handler waits.
bool Session::wait_for_room(SendWait*& wait) {
  Engine& engine = worker_.engine();
  if (outbox_->bytes() < worker_.options().outbox_high ||
      base::planted(base::Mutant::outbox_not_bounded)) {
    engine.flush_later(*outbox_);
    return true;
  }
  outbox_->flush();
  if (outbox_size() < worker_.options().outbox_high) return true;
  wait = SendWait::make(*this, {});
  outbox_->add_wait(*wait);
  return false;
}

bool Session::finish(SendWait*& wait) {
  if (send_error_ != 0) throw IoError(send_error_, "finish");
  finishing_ = true;
  if (base::planted(base::Mutant::fin_before_flush) && !fin_sent_) {
    fin_sent_ = true;
    worker_.engine().finish_sending(*this);
  }
  worker_.engine().flush_staged(*this);
  if (outbox_ != nullptr) outbox_->flush();
  if (outbox_ == nullptr && !fin_sent_) outbox_emptied();
  if (send_error_ != 0) throw IoError(send_error_, "finish");
  if (fin_sent_) return true;
  wait = SendWait::make(*this, {});
  wait->until_empty = true;
  outbox_->add_wait(*wait);
  return false;
}

void Session::throw_cannot_send() const {
  if (send_error_ != 0) throw IoError(send_error_, "send");
  throw IoError(EPIPE, "send after finish");
}

void Session::outbox_emptied() noexcept {
  if (finishing_ && !fin_sent_) {
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
  if (wait.state == Operation::State::parked) outbox_->withdraw(wait);
}

}  // namespace weir::detail
