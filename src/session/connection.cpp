// connection.cpp - the public face of a session.
#include <weir/connection.h>

#include <utility>

#include "session/session.h"
#include "session/worker.h"

namespace weir {
bool Sending::begin() { return wait_->session.begin_wait(*wait_); }

void Sending::suspend(std::coroutine_handle<> awaiting, detail::Scope& scope) noexcept {
  wait_->suspend(awaiting, scope);
}

void Sending::end() {
  const int result = wait_->result;
  drop();
  if (result < 0) throw IoError(-result, "send");
}

void Sending::drop() noexcept { detail::SendWait::free(std::exchange(wait_, nullptr)); }

void Connection::reset() noexcept { detail::Session::of(*this).reset(); }

Endpoint Connection::peer() const {
  const auto& session = static_cast<const detail::Session&>(*this);
  const detail::Introduction* said = session.worker().introduction_of(session);
  if (said != nullptr && said->peer.family != Endpoint::Family::none) return said->peer;
  return session.worker().engine().peer(session.socket());
}

Endpoint Connection::local() const {
  const auto& session = static_cast<const detail::Session&>(*this);
  const detail::Introduction* said = session.worker().introduction_of(session);
  if (said != nullptr && said->local.family != Endpoint::Family::none) return said->local;
  return session.worker().engine().local(session.socket());
}

std::size_t Connection::outbox_size() const noexcept {
  return static_cast<const detail::Session&>(*this).outbox_size();
}

bool Connection::stopping() const noexcept {
  return static_cast<const detail::Session&>(*this).worker().stopping();
}

void Connection::spawn(Task<> task) { detail::Session::of(*this).spawn(std::move(task)); }

}  // namespace weir
