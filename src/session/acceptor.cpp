#include "session/acceptor.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "base/counters.h"
#include "base/mutants.h"
#include "session/worker.h"

namespace weir::detail {
namespace {

// The first rest is short, because most often somebody leaves soon; the longest bounds how late a
// free descriptor is noticed that nobody told us of.
constexpr std::int64_t shortest_rest = 5'000'000, longest_rest = 80'000'000;
// How many clients are turned away before others have their turn.
constexpr unsigned turned_away_at_once = 64;

}  // namespace

Acceptor::Acceptor(Worker& worker, int listener)
    : Operation(Kind::accept), worker_(worker), rest_(*this), rest_ns_(shortest_rest) {
  fd = listener;
  is_listener = true;
  is_tcp = worker.engine().local(*this).family != Endpoint::Family::unix_socket;
  socket = this;
  worker_.engine().adopt(*this);
}

Acceptor::~Acceptor() { ASSERT(!rest_.pending()); }

void Acceptor::resume() noexcept {
  wanted_ = true;
  // While results are taken, the loop that takes them goes on by itself.
  if (stopped_ || taking_ || Operation::pending()) return;
  if (rest_.pending()) rest_.cancel();
  if (worker_.engine().start(*this)) completed();
}

void Acceptor::look_again() noexcept { worker_.engine().look_again(*this); }

void Acceptor::pause() noexcept {
  wanted_ = false;
  if (Operation::pending()) {
    called_off_ = true;
    Operation::cancel();
  } else if (!stopped_) {
    worker_.engine().hold_accepts(*this);
  }
}

void Acceptor::stop() noexcept {
  wanted_ = false;
  stopped_ = true;
  if (rest_.pending()) rest_.cancel();
  winding_up_ = worker_.engine().wind_up(*this);
  if (!winding_up_) return worker_.engine().close(*this);
  if (!taking_ && !Operation::pending() && worker_.engine().start(*this)) completed();
}

void Acceptor::closed() noexcept { worker_.acceptor_closed(); }

void Acceptor::completed() noexcept {
  // A session may end while it is being served here, and then asks us to resume.
  taking_ = true;
  // The budget that an engine gives each resume ends this loop: then start() says no.
  while (take_result() && goes_on() && worker_.engine().start(*this)) {}
  taking_ = false;
}

bool Acceptor::take_result() noexcept {
  const bool called_off = std::exchange(called_off_, false);
  if (result >= 0) {
    rest_ns_ = shortest_rest;
    worker_.accepted(result, is_tcp);
    return true;
  }
  if (winding_up_) {
    // It could not be accepted, or was called off before the stop; the next one perhaps.
    if (result != -ECANCELED || called_off) return true;
    winding_up_ = false;
    worker_.engine().close(*this);
    return false;
  }
  if (result == -ECANCELED) return wanted_;  // Paused, perhaps resumed since.
  rest(-result);
  return false;
}

void Acceptor::rest(int error) noexcept {
  ++base::counters.accept_rests;
  worker_.log_rest(error);
  if (rest_.pending() || base::planted(base::Mutant::accept_not_rearmed)) return;
  if (worker_.turns_away()) {
    base::counters.refused_descriptors += worker_.engine().turn_away(*this, turned_away_at_once);
  }
  rest_.deadline = worker_.engine().now() + rest_ns_;
  rest_ns_ = std::min(2 * rest_ns_, longest_rest);
  worker_.engine().start(rest_);
}

}  // namespace weir::detail
