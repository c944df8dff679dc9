// introduction.cpp - connections that a proxy passes on: the header is read before the handler
// is called, and what came behind it is given back for the handler to receive.
#include "session/introduction.h"

#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <utility>

#include <weir/time.h>

#include "base/counters.h"
#include "base/mutants.h"
#include "proxy_protocol/header.h"
#include "session/admission.h"
#include "session/session.h"
#include "session/witness.h"
#include "session/worker.h"

namespace weir::detail {
namespace {

using proxy_protocol::Header;
using proxy_protocol::Reading;

// Receives until the header is whole; what came behind it stays in `rest`. Nothing at all: the
// peer has finished without a byte, as some health checks do.
Task<> read_header(Session& session, Header& header, Chunk& rest) {
  std::string gathered;  // Of a header that comes in pieces.
  for (;;) {
    Chunk chunk = co_await session.receive();
    if (!chunk && gathered.empty()) co_return;
    if (!chunk) throw IoError(EPROTO, "it ended in the middle of its header");
    if (!gathered.empty()) gathered.append(chunk.text());
    const std::string_view so_far = gathered.empty() ? chunk.text() : gathered;
    const Reading reading = proxy_protocol::read(so_far, header);
    if (reading.state == Reading::State::invalid) throw IoError(EPROTO, reading.why);
    if (reading.state == Reading::State::whole) {
      const std::size_t earlier = so_far.size() - chunk.size();
      chunk.remove_prefix(reading.size - earlier);
      rest = std::move(chunk);
      co_return;
    }
    if (gathered.empty()) gathered.assign(chunk.text());
  }
}

}  // namespace

// --- the session's side ----------------------------------------------------------------------

void Session::serve_introduced() noexcept {
  try {
    worker_.engine().adopt(*this);
    task_ = introduce();
  } catch (...) {  // As in serve().
    failed_ = true;
    mark_reset();
    return end();
  }
  introducing_ = true;
  if (task_.start(scope_, *this)) done();
}

Task<> Session::introduce() {
  Header header;
  Introduction introduction;
  const Admission& admission = *worker_.plan().admission;
  const std::chrono::nanoseconds deadline = admission.header_deadline();
  Task<> reading = read_header(*this, header, introduction.rest);
  if (deadline.count() > 0) {
    co_await within(deadline, std::move(reading));
  } else {
    co_await std::move(reading);
  }
  if (peer_done_) co_return;
  // Whom a proxy cannot name is in no list of those that are let in.
  if (header.of != Header::Of::proxy && !admission.lets_in(header.peer)) {
    throw IoError(EACCES, "its client is not let in");
  }
  introduction.peer = std::move(header.peer);
  introduction.local = std::move(header.local);
  // They are received once more, by the handler.
  const std::size_t left = introduction.rest.size();
  base::counters.receives -= left == 0 ? 0 : 1;
  base::counters.bytes_received -= left;
  if (left == 0) introduction.rest = Chunk();
  if (is_witnessed()) worker_.plan().witness->put_back(*this, introduction.rest.bytes());
  if (!worker_.introduce(*this, std::move(introduction))) {
    throw IoError(EACCES, "its client has connections enough");
  }
  const bool forgets = base::planted(base::Mutant::rest_forgotten);
  if (left != 0 && !is_reset() && !forgets) at_hand_ = AtHand::rest;
}

// The header is there, or will not be.
void Session::introduced() noexcept {
  introducing_ = false;
  bool is_served = false;
  try {
    task_.result();
    is_served = !peer_done_;
  } catch (const IoError& error) { introduction_failed(error); } catch (...) {
    failed_ = true;  // Out of memory.
    mark_reset();
  }
  task_ = {};
  if (!is_served) return end();
  heard_ = heard_anew_ = witnessed_anew_ = false;  // Of the client.
  call(*worker_.plan().handler);
}

void Session::introduction_failed(const IoError& error) noexcept {
  if (error.code() == std::errc::operation_canceled) return;
  mark_reset();
  if (timed_out_ != TimedOut::no) return;
  Statistics& counters = base::counters;
  if (error.code() == std::errc::timed_out) {
    timed_out_ = TimedOut::proxy;
    ++counters.timed_out_proxy;
    return;
  }
  failed_ = true;
  if (error.code() == std::errc::permission_denied) ++counters.proxy_denied;
  if (error.code() != std::errc::protocol_error) return;
  ++counters.proxy_invalid;
  worker_.log_no_header(*this, error.what());
}

// Without asking the engine: an error, or what is left of the header's last chunk, received as if
// the engine had just brought it.
bool Session::receive_at_hand() noexcept {
  if (is_reset()) {
    receive_.result = -ECONNRESET;
    return false;
  }
  at_hand_ = AtHand::nothing;
  Chunk rest = worker_.take_rest(*this);
  receive_.result = static_cast<std::int32_t>(rest.size());
  const std::byte* data = rest.data();
  receive_.buffer = rest.take_lease();
  receive_.buffer->begin = static_cast<std::uint32_t>(data - receive_.buffer->data);
  return false;
}

// --- the worker's side -----------------------------------------------------------------------

bool Worker::introduce(const Session& session, Introduction&& introduction) {
  if (introductions_ == nullptr) introductions_ = std::make_unique<Introductions>();
  Introduction& kept =
      introductions_->emplace(session.id(), std::move(introduction)).first->second;
  if (!plan_.counts_clients) return true;
  const std::uint64_t key = room_.key_of(kept.peer);
  if (!room_.enter_from(room_index_, key)) return false;
  kept.key = key;
  return true;
}

const Introduction* Worker::introduction_of(const Session& session) const noexcept {
  if (introductions_ == nullptr) return nullptr;
  const auto found = introductions_->find(session.id());
  return found == introductions_->end() ? nullptr : &found->second;
}

Chunk Worker::take_rest(const Session& session) noexcept {
  const auto found = introductions_->find(session.id());
  return std::move(found->second.rest);
}

void Worker::forget_introduction(const Session& session) noexcept {
  const auto found = introductions_->find(session.id());
  if (found == introductions_->end()) return;
  room_.leave_from(room_index_, found->second.key);
  introductions_->erase(found);
}

// Once a server: a proxy that was not told to send headers would fill the log.
void Worker::log_no_header(const Session& session, std::string_view why) noexcept {
  if (!room_.first_to_tell()) return;
  log_made(LogLevel::warning, [&] {
    return fmt::format(
        "connection {}, from the proxy {}, has no valid PROXY header: {}; it is "
        "ended, and further ones are counted only",
        session.id(), engine_.peer(session.socket()).text(), why);
  });
}

}  // namespace weir::detail
