#include "server/handover.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <limits>
#include <mutex>
#include <new>
#include <system_error>

#include "base/duration.h"

namespace weir::detail {
namespace {

// A successor that is not wanted any more gets this long to end by itself.
constexpr std::int64_t patience = 2'000'000'000;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::string message(int error) { return std::generic_category().message(error); }

}  // namespace

const char* Handover::obstacle() const noexcept {
  if (server_.stopping()) return "the server is stopping";
  if (successor_.has_value()) return "one is under way";
  if (server_.program.arguments.empty()) {
    return "how this process was started is unknown: /proc is not mounted";
  }
  // Its end would be the end of the container.
  return os::process_id() == 1 ? "process 1 cannot be replaced: start another container"
                               : nullptr;
}

void Handover::begin(std::int64_t now) noexcept {
  if (const char* why = obstacle(); why != nullptr) {
    server_.say_made(LogLevel::warning, [why] { return fmt::format("no restart: {}", why); });
    return;
  }
  server_.service.reloading(now);
  killed_at_ = -1;
  why_.clear();
  int error = 0;
  try {
    successor_.emplace();
    error = start_successor();
  } catch (const std::exception&) { error = -ENOMEM; }
  if (error != 0) return failed("cannot start a process: ", -error);
  process_ = successor_->process().pid();
  ready_by_ = now + base::nanoseconds(server_.options.restart_ready);
  server_.say_made(LogLevel::info,
                   [this] { return fmt::format("restart: process {} starts", process_); });
}

// A stop closes the listeners on a worker's thread.
int Handover::start_successor() {
  const std::lock_guard lock(server_.listeners_mutex);
  if (server_.stopping()) return -ECANCELED;
  return successor_->start(server_.program, server_.listeners.handed());
}

// Where memory runs out in the midst of it, it is gone on with the next time.
void Handover::attend(std::int64_t now) noexcept {
  try {
    look_after(now);
  } catch (const std::bad_alloc&) {}
}

void Handover::look_after(std::int64_t now) {
  if (os::Ending ending; heir_.running()) heir_.reap(ending);
  if (!successor_.has_value()) return;
  if (server_.stopping()) return abandon();
  int error = 0;
  const auto news = successor_->news(error);
  if (news == os::Successor::News::ready && why_.empty()) return succeed();
  if (news == os::Successor::News::not_executed) {
    why_ = fmt::format("cannot execute {}: {}", server_.program.path, message(error));
  }
  os::Ending ending;
  if (successor_->process().reap(ending)) {
    try {
      if (why_.empty()) {
        why_ = fmt::format("process {} {} before it was ready", process_, described(ending));
      }
    } catch (const std::bad_alloc&) {}  // It does not end a second time.
    return failed(why_.empty() ? "the new process has ended" : why_.c_str(), 0);
  }
  // It may still be about to end, which says more.
  if (news == os::Successor::News::silent) ready_by_ = std::min(ready_by_, now + patience);
  if (!why_.empty()) {
    if (killed_at_ < 0) give_up(now, why_);
  } else if (now >= ready_by_) {
    give_up(now, fmt::format("process {} did not say that it is ready", process_));
  }
  if (killed_at_ >= 0 && now >= killed_at_) {
    killed_at_ = never;
    successor_->process().ask(os::How::kill);
  }
}

// The sockets first: a stop that comes before takes their files away, and one that comes after
// finds them handed over, however long it takes to say so.
void Handover::succeed() noexcept {
  if (!server_.hand_over()) return abandon();
  heir_ = successor_->let_go();
  successor_.reset();
  server_.say_made(LogLevel::info, [this] {
    return fmt::format("restart: process {} has taken over; this one drains", process_);
  });
  server_.service.handed_over(process_);
  server_.request_stop(base::nanoseconds(server_.options.restart_drain));
}

void Handover::give_up(std::int64_t now, const std::string& why) {
  why_ = why;
  killed_at_ = now + patience;
  successor_->process().ask(os::How::drain);
}

// There may be nobody left who would wait until it ends by itself.
void Handover::abandon() noexcept {
  successor_.reset();
  server_.say_made(LogLevel::warning, [this] {
    return fmt::format("no restart: the server is stopping; process {} is ended", process_);
  });
}

void Handover::failed(const char* why, int error) noexcept {
  successor_.reset();
  server_.say_made(LogLevel::error, [why, error] {
    return fmt::format("restart failed: {}{}; this process goes on as before", why,
                       error == 0 ? std::string() : message(error));
  });
  server_.service.went_on(server_.status());
}

void Handover::drop() noexcept {
  heir_.forget();
  if (!successor_.has_value()) return;
  successor_->let_go().forget();
  successor_.reset();
}

void Handover::wait_for(std::vector<os::PollEntry>& entries) const {
  if (heir_.running()) entries.push_back({heir_.fd(), os::poll_readable, 0});
  if (!successor_.has_value()) return;
  entries.push_back({successor_->fd(), os::poll_readable, 0});
  entries.push_back({successor_->process().fd(), os::poll_readable, 0});
}

std::int64_t Handover::deadline() const noexcept {
  if (!successor_.has_value()) return never;
  return killed_at_ >= 0 ? killed_at_ : ready_by_;
}

bool Handover::needs_asking() const noexcept {
  return successor_.has_value() && successor_->process().fd() < 0;
}

}  // namespace weir::detail

namespace weir {

bool Server::State::hand_over() noexcept {
  const std::lock_guard lock(listeners_mutex);
  if (stopping()) return false;
  listeners.hand_over();
  return true;
}

std::string Server::State::status() const noexcept {
  const Statistics now = statistics();
  try {
    return fmt::format("{} connections open, {} accepted", now.open(), now.accepted);
  } catch (const std::bad_alloc&) { return {}; }
}

}  // namespace weir
