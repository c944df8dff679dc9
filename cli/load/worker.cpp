#include "cli/load/worker.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <weir/time.h>
#include <weir/when.h>

#include "cli/load/arrivals.h"

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

// Connects under way at once: few enough for any backlog.
constexpr std::size_t lanes = 64;

std::uint64_t share(std::uint64_t whole, unsigned index, unsigned workers) {
  return whole / workers + (index < whole % workers ? 1 : 0);
}

Load share_of(const Load& load, unsigned index) {
  Load part = load;
  part.connections = static_cast<unsigned>(share(load.connections, index, load.workers));
  part.idle = static_cast<unsigned>(share(load.idle, index, load.workers));
  part.rate = load.rate * part.connections / load.connections;
  part.seed = load.seed + index;
  return part;
}

// Tasks side by side, as many as there are: a tree of pairs.
template <class Make>
Task<> side_by_side(const Make& make, std::size_t first, std::size_t count) {
  if (count == 0) co_return;
  if (count == 1) {
    co_await make(first);
    co_return;
  }
  auto lower = side_by_side(make, first, count / 2);
  auto upper = side_by_side(make, first + count / 2, count - count / 2);
  co_await when_all(std::move(lower), std::move(upper));
}

Task<> wait_for(const std::atomic<bool>& flag) {
  while (!flag.load()) co_await sleep_for(1ms);
}

}  // namespace

Worker::Worker(const Load& load, unsigned index, const Pattern& pattern, Together& together)
    : load_(share_of(load, index)),
      together_(together),
      station_{load_, pattern, together.window,
               Sources(load.server, load.churn ? 0 : std::uint64_t{load.connections} + load.idle,
                       index),
               Result()} {
  for (unsigned i = 0; i < load_.connections; ++i) {
    const std::uint64_t number = (std::uint64_t{index} << 20) + i;
    callers_.push_back(std::make_unique<Caller>(station_, number));
  }
  idle_.resize(load_.idle);
}

Task<> Worker::work() {
  try {
    co_await connect_all();
  } catch (const std::exception& error) { failure_ = error.what(); }
  ++together_.connected;
  co_await wait_for(together_.go);
  if (failure_.empty()) co_await talk_all();
  ++together_.finished;
  co_await wait_for(together_.close);
  const std::int64_t moment = now().count();
  for (const auto& caller : callers_) caller->finish(moment);
  idle_.clear();
}

// --- connecting ------------------------------------------------------------------------------

// The idle ones first: a server that answers a connection has accepted those before it.
Task<> Worker::connect_all() {
  const auto idle = [this](std::size_t lane) { return connect_idle_lane(lane); };
  co_await side_by_side(idle, 0, lanes);
  if (load_.churn) co_return;
  const auto lane = [this](std::size_t number) { return connect_lane(number); };
  co_await side_by_side(lane, 0, lanes);
}

Task<> Worker::connect_idle_lane(std::size_t lane) {
  for (std::size_t i = lane; i < idle_.size(); i += lanes) co_await connect_idle(idle_[i]);
}

Task<> Worker::connect_lane(std::size_t lane) {
  for (std::size_t i = lane; i < callers_.size(); i += lanes) {
    co_await callers_[i]->connect();
    if (load_.phases) co_await callers_[i]->greet();
  }
}

Task<> Worker::connect_idle(Client& client) {
  client = co_await within(load_.timeout, weir::connect(load_.server, station_.sources.next()));
}

// --- talking ---------------------------------------------------------------------------------

Task<> Worker::talk_all() {
  const auto talk = [this](std::size_t number) { return callers_[number]->talk(); };
  const auto begin = now();
  const auto longest = std::chrono::nanoseconds(together_.window.end) - begin + load_.timeout;
  try {
    auto everyone = side_by_side(talk, 0, callers_.size());
    if (load_.open_loop()) {
      // When everything is answered the pacer ends, and with it the rest.
      co_await within(longest, when_any(std::move(everyone), pace()));
    } else {
      co_await within(longest, std::move(everyone));
    }
  } catch (const IoError&) {
    // Out of time: finish() counts what has no reply.
  }
  const auto check = [this](std::size_t number) { return check_idle(idle_[number]); };
  co_await side_by_side(check, 0, idle_.size());
}

Task<> Worker::pace() {
  Schedule schedule(load_.arrivals, load_.rate, now().count(), load_.seed);
  const Window& window = together_.window;
  for (std::size_t turn = 0;; ++turn) {
    const std::int64_t due = schedule.next();
    if (due >= window.end) break;
    // A timer is good to some milliseconds: the last ones are waited for by looking.
    for (std::int64_t left = 0; (left = due - now().count()) > 0;) {
      co_await sleep_for(left > 4'000'000 ? std::chrono::nanoseconds(left) - 3ms : 0ns);
    }
    if (load_.churn) {
      ++station_.due_count;
      static_cast<void>(station_.due.try_send(due));
    } else {
      co_await callers_[turn % callers_.size()]->arrive(due);
    }
    // When we are late, replies are still read.
    if (turn % 16 == 15) co_await sleep_for(0ns);
  }
  while (now().count() < window.end || !all_quiet()) co_await sleep_for(1ms);
}

bool Worker::all_quiet() const noexcept {
  return station_.due_count == 0 &&
         std::ranges::all_of(callers_, [](const auto& caller) { return caller->quiet(); });
}

// --- the end ---------------------------------------------------------------------------------

// An idle connection has nothing to receive: whatever comes, or its end, is an error.
Task<> Worker::check_idle(Client& client) {
  bool alive = false;
  try {
    const Chunk bytes = co_await within(20ms, client->receive());
  } catch (const IoError& error) { alive = error.code() == std::errc::timed_out; }
  if (!alive) ++station_.result.errors["idle connection lost"];
}

Result Worker::take_result() {
  for (std::size_t status = 0; status < station_.statuses.size(); ++status) {
    const std::uint64_t count = station_.statuses[status];
    if (count > 0) station_.result.statuses[std::to_string(status)] += count;
  }
  return std::move(station_.result);
}

}  // namespace weir::cli
