#include "server/stall_watch.h"

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "os/clock.h"
#include "os/process.h"
#include "os/signals.h"

namespace weir::detail {
namespace {

constexpr unsigned looks_needed = 2;  // After the one that marked it.
// A handler that stalls each time that it runs must not fill the log.
constexpr std::int64_t between_lines = 10'000'000'000;
constexpr std::size_t stack = 256 * 1024;  // The log's callback runs on it.

std::string described(const Socket* socket, kernel::Calls& calls) {
  const std::uint64_t id = socket == nullptr ? 0 : socket->connection_id();
  if (id == 0) return "a connection that is not known";
  const Endpoint peer = calls.peer(socket->fd);
  if (peer.family == Endpoint::Family::none || peer.text() == "unix:") {
    return fmt::format("connection {}", id);
  }
  return fmt::format("connection {} from {}", id, peer.text());
}

}  // namespace

StallWatch::StallWatch(Server::State& server) noexcept
    : server_(server), interval_(std::chrono::nanoseconds(server.options.stall_after) / 2) {}

StallWatch::~StallWatch() {
  if (!runs_) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ended_.notify_one();
  thread_.join();
}

void StallWatch::add(Member& member) noexcept {
  if (interval_.count() == 0 || member.model->blocks) return;
  try {
    workers_.push_back({&member, 0});
  } catch (const std::bad_alloc&) { error_ = ENOMEM; }
}

void StallWatch::begin() noexcept {
  if (workers_.empty() && error_ == 0) return;
  // Signals are for the threads whose calls they end.
  const os::SignalsHeld held;
  const auto body = [](void* it) noexcept { static_cast<StallWatch*>(it)->run(); };
  if (error_ == 0) error_ = thread_.start(stack, body, this);
  runs_ = error_ == 0;
  if (runs_) return;
  server_.say_made(LogLevel::warning, [this] {
    return fmt::format("handlers that stall will not be noticed: cannot start a thread: {}",
                       std::generic_category().message(error_));
  });
}

void StallWatch::run() noexcept {
  // It needs none where nobody hears its lines, and costs the worker something with them.
  if (!is_heard()) os::give_up_descriptors();
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, interval_, [this] { return ending_; })) {
    for (Watched& each : workers_) {
      try {
        look_at(each);
      } catch (const std::bad_alloc&) {}  // A line less.
    }
  }
}

void StallWatch::look_at(Watched& watched) {
  std::string whose;
  bool stalls = false;
  watched.member->control.look_at_running([&](Running& running) {
    if (!running.still_runs()) {
      watched.looks = 0;
    } else if (++watched.looks == looks_needed) {
      running.look_at_marked([&](const Socket* socket) {
        stalls = true;
        // Without a log there are no descriptors here to ask for the peer.
        if (is_heard()) whose = described(socket, *watched.member->plan.calls);
      });
    }
  });
  if (!stalls) return;
  server_.ledger->count_stall();
  if (is_heard()) tell(watched, whose);
}

void StallWatch::tell(const Watched& watched, const std::string& whose) {
  const std::int64_t now = os::monotonic_clock().now();
  if (told_at_ >= 0 && now - told_at_ < between_lines) {
    ++untold_;
    return;
  }
  told_at_ = now;
  std::string worker = fmt::format("worker {}", watched.member->plan.index);
  if (server_.processes()) worker += fmt::format(" (process {})", os::process_id());
  const std::string& name = server_.handler_name;
  const std::string handler = name.empty() ? "a handler" : "handler " + name;
  std::string line =
      fmt::format("{} stalls: {} of {} has run for {} ms without waiting, and still does", worker,
                  handler, whose, server_.options.stall_after.count());
  if (untold_ > 0) line += fmt::format(" ({} more since the last such line)", untold_);
  untold_ = 0;
  server_.say(LogLevel::warning, line);
}

}  // namespace weir::detail
