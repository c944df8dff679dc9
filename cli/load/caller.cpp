#include "cli/load/caller.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include <weir/time.h>

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

// Pieces below the size from which the library does not copy: what is sent never waits, so that
// replies are read at all times and no server can block on us while we block on it.
constexpr std::size_t piece_size = 4000;

std::unique_ptr<Exchange> exchange_for(Station& station, std::uint64_t number) {
  if (station.load.protocol == Protocol::http) {
    return make_http_exchange(station.load, station.statuses);
  }
  return make_echo_exchange(station.pattern, number);
}

std::string kind_of(const IoError& error) {
  if (error.code() == std::errc::connection_refused) return "connection refused";
  if (error.code() == std::errc::connection_reset) return "connection reset";
  if (error.code() == std::errc::broken_pipe) return "connection reset";
  if (error.code() == std::errc::timed_out) return "connect timed out";
  if (error.code() == std::errc::address_not_available) return "out of ports";
  return error.code().message();
}

}  // namespace

Caller::Caller(Station& station, std::uint64_t number)
    : station_(station), exchange_(exchange_for(station, number)) {}

Task<> Caller::connect() {
  const auto begin = now();
  client_ = co_await within(station_.load.timeout,
                            weir::connect(station_.load.server, station_.sources.next()));
  station_.result.connects.record((now() - begin).count());
}

Task<> Caller::greet() {
  exchange_->begin();
  for (auto rest = exchange_->request(); !rest.empty();) {
    const auto piece = rest.first(std::min(rest.size(), piece_size));
    rest = rest.subspan(piece.size());
    co_await client_->send(piece);
  }
  for (unsigned replies = 0; replies == 0;) {
    const Chunk bytes = co_await client_->receive();
    station_.result.bytes_received += bytes.size();
    replies = bytes.empty() ? exchange_->take_end(1) : exchange_->take(bytes.bytes());
  }
  ++station_.result.requests_ever;
  ++station_.result.greetings;
}

bool Caller::goes_on() const noexcept {
  return !quiet() || station_.load.open_loop() || now().count() < station_.window.end;
}

Task<> Caller::talk() {
  bool cancelled = false;
  while (!cancelled && goes_on()) {
    bool broken = false;
    try {
      if (station_.load.churn) co_await come_due();
      if (!client_) co_await connect();
      co_await converse();
      if (station_.load.churn || exchange_->closes() || !station_.load.phases) client_.close();
    } catch (const IoError& error) {
      cancelled = error.code() == std::errc::operation_canceled;
      if (!cancelled) failed(kind_of(error));
      broken = true;
    } catch (const BadReply& error) {
      failed(error.what());
      broken = true;
    }
    ready_ = false;
    if (!broken || cancelled) continue;
    client_.close();
    // A server that is down is not asked without a pause.
    try {
      co_await sleep_for(10ms);
    } catch (const IoError&) { cancelled = true; }
  }
}

// Churn: a connection is for one request, which is due before there is a connection.
Task<> Caller::come_due() {
  if (!station_.load.open_loop()) {
    waiting_.push_back(now().count());
    co_return;
  }
  const std::optional<std::int64_t> due = co_await station_.due.receive();
  if (!due) co_return;
  --station_.due_count;
  waiting_.push_back(*due);
}

// Until the connection has served its purpose.
Task<> Caller::converse() {
  Connection& peer = *client_;
  exchange_->begin();
  ready_ = true;
  Request request{};
  std::int64_t moment = now().count();
  while (true) {
    while (in_flight_.size() < station_.load.pipeline && next_due(moment, request)) {
      in_flight_.push_back(request);
      for (auto rest = exchange_->request(); !rest.empty();) {
        const auto piece = rest.first(std::min(rest.size(), piece_size));
        rest = rest.subspan(piece.size());
        co_await peer.send(piece);
      }
    }
    if (in_flight_.empty() && (station_.load.churn || !station_.load.open_loop())) co_return;
    const Chunk bytes = co_await peer.receive();
    moment = now().count();
    station_.result.bytes_received += bytes.size();
    if (bytes.empty() && in_flight_.empty() && exchange_->closes()) co_return;
    answered(
        bytes.empty() ? exchange_->take_end(in_flight_.size()) : exchange_->take(bytes.bytes()),
        moment);
    if (in_flight_.empty() && (exchange_->closes() || station_.load.churn)) co_return;
  }
}

// What is to be sent now, if anything is.
bool Caller::next_due(std::int64_t moment, Request& request) {
  if (!waiting_.empty()) {
    request = {waiting_.front(), moment};
    waiting_.pop_front();
    return true;
  }
  request = {moment, moment};
  return !station_.load.open_loop() && !station_.load.churn && !exchange_->closes() &&
         moment < station_.window.end.load(std::memory_order_relaxed);
}

Task<> Caller::arrive(std::int64_t due) {
  if (!ready_ || exchange_->closes() || in_flight_.size() >= station_.load.pipeline) {
    waiting_.push_back(due);
    co_return;
  }
  in_flight_.push_back({due, now().count()});
  try {
    for (auto rest = exchange_->request(); !rest.empty();) {
      const auto piece = rest.first(std::min(rest.size(), piece_size));
      rest = rest.subspan(piece.size());
      co_await client_->send(piece);
    }
  } catch (const IoError&) {
    // Whoever receives on this connection is told the same, and deals with it.
  }
}

void Caller::answered(unsigned replies, std::int64_t moment) {
  if (replies > in_flight_.size()) throw BadReply("more replies than requests");
  Result& result = station_.result;
  for (; replies > 0; --replies) {
    const Request request = in_flight_.front();
    in_flight_.pop_front();
    ++result.requests_ever;
    if (!station_.window.counts(request.due)) continue;
    ++result.requests;
    result.latency.record(moment - request.due);
    if (station_.load.open_loop()) result.service.record(moment - request.sent);
  }
  station_.answered.store(result.requests, std::memory_order_relaxed);
}

void Caller::failed(const std::string& kind) {
  const std::int64_t moment = now().count();
  ++station_.result.errors[kind];
  for (const Request& request : std::exchange(in_flight_, {})) lose(request, moment);
  if (!station_.load.churn) return;
  for (const std::int64_t due : std::exchange(waiting_, {})) lose({due, due}, moment);
}

// A request that never got its reply took at least so long: what is left out of the latencies
// would make them better than they were.
void Caller::lose(const Request& request, std::int64_t moment) {
  if (!station_.window.counts(request.due)) return;
  station_.result.latency.record(moment - request.due);
  if (station_.load.open_loop()) station_.result.service.record(moment - request.sent);
}

void Caller::finish(std::int64_t moment) {
  const std::size_t left = in_flight_.size() + waiting_.size();
  if (left > 0) station_.result.errors["no reply"] += left;
  for (const Request& request : std::exchange(in_flight_, {})) lose(request, moment);
  for (const std::int64_t due : std::exchange(waiting_, {})) lose({due, due}, moment);
  client_.close();
}

}  // namespace weir::cli
