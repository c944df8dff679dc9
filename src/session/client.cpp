// client.cpp - connections that we open.
#include <weir/client.h>

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include <weir/time.h>

#include "session/session.h"
#include "session/worker.h"

namespace weir {
namespace detail {
namespace {

constexpr std::chrono::milliseconds backlog_patience{2};

class Connect final : public CoroutineOperation {
 public:
  Connect(Socket& connecting, const Endpoint& endpoint) noexcept
      : CoroutineOperation(Kind::connect) {
    socket = &connecting;
    address = &endpoint;
  }
  bool await_ready() { return start(*this); }
  template <HasScope P>
  void await_suspend(std::coroutine_handle<P> awaiting) noexcept {
    suspend(awaiting);
  }
  int await_resume() const noexcept { return result; }
};

/// A session of the current worker with a socket that is not connected yet.
Session& make_session(Worker& worker, const Endpoint& endpoint, const Endpoint& from) {
  Engine& engine = worker.engine();
  const int made = engine.make_socket(endpoint);
  if (made < 0) throw IoError(-made, "connect");
  if (from.family != Endpoint::Family::none) {
    if (const int error = engine.bind_source(made, from); error < 0) {
      engine.discard(made);
      throw IoError(-error, fmt::format("connect from {}", from.text()));
    }
  }
  const int fd = engine.place(made);
  if (fd < 0) {
    engine.discard(made);
    throw IoError(EMFILE, "connect: the descriptor is beyond what this model can watch");
  }
  try {
    Session* session = worker.make_client(fd, endpoint.family != Endpoint::Family::unix_socket);
    engine.adopt(session->socket());
    return *session;
  } catch (...) {
    engine.discard(fd);
    throw;
  }
}

/// Ends a session whose connect failed or was cancelled.
class Guard {
 public:
  explicit Guard(Session& session) noexcept : session_(&session) {}
  ~Guard() {
    if (session_ != nullptr) session_->abandon_client();
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  Client dismiss() noexcept {
    session_->hold();
    return Client(std::exchange(session_, nullptr));
  }

 private:
  Session* session_;
};

}  // namespace

void require_own_thread(Connection& connection) noexcept {
  if (!Session::of(connection).is_here())
    misuse("a Client was used on another thread, or in another run(), than connected it",
           "Client");
}

}  // namespace detail

void Client::close() noexcept {
  if (connection_ == nullptr) return;
  detail::Session::of(*std::exchange(connection_, nullptr)).close_client();
}

Task<Client> connect(Endpoint endpoint) { return connect(std::move(endpoint), Endpoint()); }

Task<Client> connect(Endpoint endpoint, Endpoint from) {
  detail::Session& session = detail::make_session(detail::Worker::current(), endpoint, from);
  detail::Guard guard(session);
  detail::Connect connecting(session.socket(), endpoint);
  int result = co_await connecting;
  // A unix socket that does not block does not wait for room in the backlog either (connect(2)).
  while (result == -EAGAIN && endpoint.family == Endpoint::Family::unix_socket) {
    co_await sleep_for(detail::backlog_patience);
    result = co_await connecting;
  }
  if (result < 0) throw IoError(-result, fmt::format("connect to {}", endpoint.text()));
  co_return guard.dismiss();
}

Task<Client> connect(std::string_view endpoint) { return connect(Endpoint::parse(endpoint)); }

}  // namespace weir
