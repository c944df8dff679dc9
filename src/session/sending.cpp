// sending.cpp - a session's side of send() and finish().
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "session/session.h"
#include "session/worker.h"

namespace weir::detail {

Outbox& Session::outbox() {
  if (outbox_ == nullptr) {
    outbox_ = worker_.take_outbox();
    outbox_->bind(*this);
  }
  return *outbox_;
}

bool Session::send(std::span<const Piece> pieces, SendWait*& wait) {
  check_send();
  std::size_t total = 0;
  for (const Piece& piece : pieces) total += piece.size();
  if (total == 0) return true;
  if (total < Outbox::copy_limit) {
    outbox().copy(pieces, total);
    return wait_for_room(wait);
  }
  wait = SendWait::make(*this, pieces);
  outbox().borrow(*wait);
  outbox_->flush();
  return wait->ended_already();
}

bool Session::send(Chunk&& chunk, SendWait*& wait) {
  constexpr std::size_t worth_a_lease = 512;
  if (chunk.size() < worth_a_lease || !chunk.leased()) {
    const Piece piece = chunk.bytes();
    return send(std::span(&piece, 1), wait);
  }
  check_send();
  outbox().take(std::move(chunk));
  return wait_for_room(wait);
}

// Below the high-water mark a send is done: the bytes go out when the handler next waits. Above
// it the kernel is asked at once, and if that does not help the handler waits.
bool Session::wait_for_room(SendWait*& wait) {
  Engine& engine = worker_.engine();
  if (outbox_->bytes() < worker_.options().outbox_high) {
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
  if (outbox_ != nullptr) outbox_->flush();
  if (outbox_ == nullptr && !fin_sent_) outbox_emptied();
  if (send_error_ != 0) throw IoError(send_error_, "finish");
  if (fin_sent_) return true;
  wait = SendWait::make(*this, {});
  wait->until_empty = true;
  outbox_->add_wait(*wait);
  return false;
}

void Session::check_send() const {
  if (send_error_ != 0) throw IoError(send_error_, "send");
  if (finishing_) throw IoError(EPIPE, "send after finish");
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
  outbox_->fail(error);
  outbox_let_go();
}

void Session::cancel(SendWait& wait) noexcept {
  if (wait.state == Operation::State::parked) outbox_->withdraw(wait);
}

}  // namespace weir::detail
