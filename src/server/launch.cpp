#include "server/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/counters.h"
#include "engine/blocking.h"
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

std::string advice(const Endpoint& endpoint, int error) {
  switch (error) {
    case EADDRINUSE: return "; another program listens there: choose another port, or stop it";
    case EACCES:
      return endpoint.family == Endpoint::Family::unix_socket
                 ? "; the directory is not writable for this user"
                 : "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL: return "; no interface of this machine has that address";
    case EAFNOSUPPORT: return "; this system has no such address family";
    default: return "";
  }
}

Fds open_one(Endpoint& endpoint, const os::ListenOptions& options, std::size_t count) {
  Fds result;
  for (std::size_t i = 0; i < count; ++i) {
    const char* step = "";
    int fd = os::listen_on(endpoint, options, step);
    if (fd == -EADDRINUSE && endpoint.family == Endpoint::Family::unix_socket &&
        os::remove_stale_socket(endpoint)) {
      fd = os::listen_on(endpoint, options, step);
    }
    if (fd < 0) {
      throw StartError(fmt::format("cannot listen on {}: {}: {}{}", endpoint.text(), step,
                                   std::generic_category().message(-fd), advice(endpoint, -fd)));
    }
    result.emplace_back(fd);
    // The port that the kernel chose, which the other workers' sockets share.
    endpoint = os::local_endpoint(fd);
  }
  return result;
}

}  // namespace

void Member::run() noexcept {
  base::counters = Statistics{};
  try {
    model->run(plan);
  } catch (const std::exception& error) {
    failure = error.what();
    for (const int listener : plan.listeners) os::close_fd(listener);
  }
  statistics->add(base::counters);
}

std::vector<Fds> open_listeners(std::vector<Endpoint>& endpoints, const Options& options,
                                const ModelEntry& model) {
  std::vector<Fds> result(options.workers);
  os::ListenOptions how;
  how.backlog = options.backlog;
  how.reuse_port = options.reuse_port && options.workers > 1;
  how.mode = model.blocks ? os::Mode::blocking : os::Mode::nonblocking;
  if (model.blocks) how.blocking_bound = BlockingEngine::blocking_bound;
  for (Endpoint& endpoint : endpoints) {
    const bool own = how.reuse_port && endpoint.family != Endpoint::Family::unix_socket;
    Fds opened = open_one(endpoint, how, own ? options.workers : 1);
    for (unsigned worker = 1; worker < options.workers; ++worker) {
      if (own) {
        result[worker].push_back(std::move(opened[worker]));
        continue;
      }
      const int copy = os::duplicate(opened[0].get());
      if (copy < 0) {
        throw StartError(fmt::format("cannot share the listener of {}: {}", endpoint.text(),
                                     std::generic_category().message(-copy)));
      }
      result[worker].emplace_back(copy);
    }
    result[0].push_back(std::move(opened[0]));
  }
  return result;
}

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
