// logged.cpp - what the workers of a world log: an exception that leaves a handler is a failure.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <new>
#include <optional>

#include <weir/error.h>

#include "simulation/world.h"

namespace weir::simulated {
namespace {

/// What is being handled now, if it is an exception that no broken connection and no want of memory
/// explains. A session logs what left its handler while it handles that.
std::optional<std::string> bug_at_hand() {
  if (std::current_exception() == nullptr) return std::nullopt;
  try {
    throw;
  } catch (const IoError&) { return std::nullopt; } catch (const std::bad_alloc&) {
    return std::nullopt;
  } catch (const std::exception& error) { return one_line(error.what()); } catch (...) {
    return "an exception that is not a std::exception";
  }
}

/// "connection 7: ...", as Worker::log_handler_error() has it. 0: of none.
std::uint64_t connection_of(std::string_view line) noexcept {
  constexpr std::string_view begins = "connection ";
  std::uint64_t id = 0;
  if (!line.starts_with(begins)) return 0;
  std::from_chars(line.data() + begins.size(), line.data() + line.size(), id);
  return id;
}

}  // namespace

void WorldState::logged(std::string_view line) {
  trace_.add_text(network_.now(), Entry::log, line);
  if (!failure_.empty() || abandoned_ || running_ == nullptr || may_throw(*running_)) return;
  if (const auto bug = bug_at_hand()) {
    note_failure(fmt::format("an exception left {}: {}", whose(line), *bug));
  }
}

const Service* WorldState::service_of(const Node& node) const noexcept {
  const auto found = std::ranges::find_if(services_, [&](const auto& service) {
    return std::ranges::find(service->nodes, &node) != service->nodes.end();
  });
  return found == services_.end() ? nullptr : found->get();
}

// A worker that has died does no more but tidy up.
bool WorldState::may_throw(const Node& node) const noexcept {
  const Service* service = service_of(node);
  return node.dead || node.calls.is_frozen() ||
         (service != nullptr && service->serving.handlers_may_throw);
}

std::string WorldState::whose(std::string_view log_line) {
  std::string name = "a connection";
  running_->worker->visit_sessions([&, id = connection_of(log_line)](detail::Session& session) {
    if (session.id() != id || session.socket().fd < 0) return;
    if (const Stream* stream = network_.stream(session.socket().fd)) name = stream->title();
  });
  const Service* service = service_of(*running_);
  if (service == nullptr) return "a task that " + name + " spawned";
  return fmt::format("the handler of {} (at {}), or a task that it spawned", name,
                     service->endpoint.text());
}

}  // namespace weir::simulated
