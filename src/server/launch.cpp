#include "server/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "os/socket.h"

namespace weir::detail {
namespace {

std::string model_names() {
  std::string names;
  for (const ModelInfo& info : models()) {
    if (!names.empty()) names += ", ";
    names += info.name;
  }
  return names;
}

}  // namespace

std::size_t connections_share(const Options& options, unsigned index) noexcept {
  // Descriptors that are not connections: standard streams, listeners, the engine's own, and
  // what a handler opens.
  constexpr std::size_t reserve = 32;
  const std::size_t limit = os::descriptor_limit();
  std::size_t total = options.connections_max;
  if (total == 0) total = limit > 2 * reserve ? limit - reserve : limit / 2;
  const std::size_t share = total / options.workers + (index < total % options.workers ? 1 : 0);
  return std::max<std::size_t>(share, 1);
}

void check_options(const Options& options) {
  if (options.workers < 1 || options.workers > 1024) {
    throw StartError(fmt::format("workers: {} is not from 1 to 1024", options.workers));
  }
  if (options.backlog < 1) {
    throw StartError(fmt::format("backlog: {} is not 1 or more", options.backlog));
  }
  if (options.outbox_low > options.outbox_high || options.outbox_high == 0) {
    throw StartError(
        fmt::format("outbox_low ({}) must not be above outbox_high ({}), and that "
                    "not 0",
                    options.outbox_low, options.outbox_high));
  }
  if (options.thread_stack < 64 * 1024) {
    throw StartError(fmt::format("thread_stack: {} is less than 64 KiB", options.thread_stack));
  }
  if (options.linger.count() < 0 || options.drain.count() < 0 ||
      options.spin_before_sleep.count() < 0) {
    throw StartError("linger, drain and spin_before_sleep must not be negative");
  }
  if (options.budget_operations == 0 || options.budget_bytes == 0) {
    throw StartError("budget_operations and budget_bytes must not be 0");
  }
}

Choice resolve_model(Model asked) {
  Choice choice{asked, "asked for"};
  if (asked == Model::automatic) {
    const char* wish = std::getenv("WEIR_MODEL");
    if (wish != nullptr && *wish != '\0') {
      const auto named = model_named(wish);
      if (!named) {
        throw StartError(fmt::format("unknown model '{}' in WEIR_MODEL; the models are: {}", wish,
                                     model_names()));
      }
      choice = {*named, "from WEIR_MODEL"};
    }
  }
  if (choice.model == Model::automatic) return choose_model();
  const Availability here = availability(choice.model);
  if (!here.available) {
    const Choice next = choose_model();
    throw StartError(fmt::format("model {} is not available here: {}; the next best model is {}",
                                 name(choice.model), here.reason, name(next.model)));
  }
  return choice;
}

}  // namespace weir::detail
