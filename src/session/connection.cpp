// connection.cpp - the public face of a session.
#include <weir/connection.h>

#include <new>

#include "session/session.h"
#include "session/worker.h"

namespace weir {
namespace detail {

bool Receive::start(std::coroutine_handle<> awaiting, Scope& scope) noexcept {
  return Session::of(connection_).start_receive(awaiting, scope);
}

Chunk Receive::await_resume() { return Session::of(connection_).take_received(); }

bool SendBase::start(Piece bytes) {
  SendWait* wait = nullptr;
  const bool done = Session::of(*connection_).send(bytes, wait);
  wait_ = wait;
  return done;
}
bool SendBase::start(std::span<const Piece> pieces) {
  SendWait* wait = nullptr;
  const bool done = Session::of(*connection_).send(pieces, wait);
  wait_ = wait;
  return done;
}
bool SendBase::start(Chunk&& chunk) {
  SendWait* wait = nullptr;
  const bool done = Session::of(*connection_).send(std::move(chunk), wait);
  wait_ = wait;
  return done;
}
bool SendBase::start_finish() {
  SendWait* wait = nullptr;
  const bool done = Session::of(*connection_).finish(wait);
  wait_ = wait;
  return done;
}

void SendBase::suspend(std::coroutine_handle<> awaiting, Scope& scope) noexcept {
  wait_->suspend(awaiting, scope);
}

void SendBase::finish_wait() {
  const int result = wait_->result;
  SendWait::free(std::exchange(wait_, nullptr));
  if (result < 0) throw IoError(-result, "send");
}

}  // namespace detail

void Connection::reset() noexcept { detail::Session::of(*this).reset(); }

Endpoint Connection::peer() const {
  const auto& session = static_cast<const detail::Session&>(*this);
  return session.worker().engine().peer(session.socket());
}

Endpoint Connection::local() const {
  const auto& session = static_cast<const detail::Session&>(*this);
  return session.worker().engine().local(session.socket());
}

std::size_t Connection::outbox_size() const noexcept {
  return static_cast<const detail::Session&>(*this).outbox_size();
}

void Connection::spawn(Task<> task) { detail::Session::of(*this).spawn(std::move(task)); }

}  // namespace weir
