#include "server/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>

#include "os/cpus.h"
#include "os/machine.h"
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

Room::Limits limits_of(const Options& options) noexcept {
  // Descriptors that are not connections: standard streams, listeners, the engine's own, and
  // what a handler opens. Processes have a limit of descriptors each.
  constexpr std::size_t reserve = 32;
  const std::size_t descriptors = os::descriptor_limit();
  const std::size_t usable = descriptors > 2 * reserve ? descriptors - reserve : descriptors / 2;
  const bool processes = options.worker_kind == WorkerKind::process;
  const std::uint64_t allowed = std::uint64_t{usable} * (processes ? options.workers : 1);
  Room::Limits limits;
  limits.workers = options.workers;
  limits.connections = options.connections_max != 0
                           ? options.connections_max
                           : static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
                                 allowed, 1, std::numeric_limits<std::uint32_t>::max()));
  limits.per_address = options.connections_per_address;
  limits.memory = options.memory_max;
  limits.seed = os::random_seed();
  return limits;
}

// A connection's ticks are noted to 16 bits (session/session.h).
void check_deadlines(const Options& options) {
  using namespace std::chrono_literals;
  const auto check = [](const char* name, std::chrono::milliseconds value,
                        std::chrono::milliseconds most) {
    if (value < 0ms || value > most) {
      throw StartError(
          fmt::format("{}: {} ms is not from 0 to {}", name, value.count(), most.count()));
    }
  };
  check("first_byte", options.first_byte, 2h);
  check("idle", options.idle, 2h);
  check("receive", options.receive, 2h);
  check("send", options.send, 2h);
  check("connection", options.connection, 7 * 24h);
  check("proxy_header", options.proxy_header, 2h);
  check("stall_after", options.stall_after, 1h);
  if (options.stall_after > 0ms && options.stall_after < 10ms) {
    throw StartError(fmt::format("stall_after: {} ms is less than 10, and not 0",
                                 options.stall_after.count()));
  }
}

void check_admission(const Options& options) {
  for (const auto* list : {&options.allow, &options.deny}) {
    for (const Network& network : *list) {
      if (network.family != Endpoint::Family::unix_socket) continue;
      throw StartError(
          "allow and deny do not hold for unix sockets: the mode of their file does");
    }
  }
  if (options.proxy_only && options.proxy_from.empty()) {
    throw StartError("proxy_only: proxy_from is empty, so that nobody could come");
  }
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
  if (options.unix_mode > 0777) {
    throw StartError(fmt::format("unix_mode: 0{:o} is not from 0 to 0777", options.unix_mode));
  }
  if (options.memory_max != 0 && options.memory_max < 1024 * 1024) {
    throw StartError(fmt::format("memory_max: {} is less than 1 MiB", options.memory_max));
  }
  if (options.thread_stack < 64 * 1024) {
    throw StartError(fmt::format("thread_stack: {} is less than 64 KiB", options.thread_stack));
  }
  if (options.linger.count() < 0 || options.drain.count() < 0 ||
      options.spin_before_sleep.count() < 0) {
    throw StartError("linger, drain and spin_before_sleep must not be negative");
  }
  if (options.batch_wait.count() < 0 || options.batch_wait.count() > 10'000) {
    throw StartError(
        fmt::format("batch_wait: {} us is not from 0 to 10000", options.batch_wait.count()));
  }
  if (options.restart_ready.count() <= 0 || options.restart_drain.count() < 0) {
    throw StartError("restart_ready must be above 0, restart_drain not below");
  }
  check_deadlines(options);
  check_admission(options);
  if (options.budget_operations == 0 || options.budget_bytes == 0) {
    throw StartError("budget_operations and budget_bytes must not be 0");
  }
}

std::vector<int> cpus_of(const Options& options) {
  if (options.pin_workers.empty()) return {};
  const std::vector<unsigned> usable = os::usable_cpus();
  std::vector<unsigned> wanted = usable;
  if (options.pin_workers != "all") wanted = os::cpu_list(options.pin_workers);
  if (wanted.empty()) {
    throw StartError(fmt::format("pin_workers: '{}' is neither a list of CPUs, as 0,2-5, nor all",
                                 options.pin_workers));
  }
  for (const unsigned cpu : wanted) {
    if (std::ranges::find(usable, cpu) != usable.end()) continue;
    throw StartError(
        fmt::format("pin_workers: '{}': CPU {} is not among those that this process "
                    "may use: {}",
                    options.pin_workers, cpu, os::text_of(usable)));
  }
  std::vector<int> cpus;
  for (unsigned i = 0; i < options.workers; ++i) {
    cpus.push_back(static_cast<int>(wanted[i % wanted.size()]));
  }
  return cpus;
}

std::optional<os::Identity> identity_of(const Options& options) {
  if (options.user.empty()) return {};
  os::Identity identity = os::Identity::of(options.user);
  if (!identity.is_ours() && !os::may_change_identity()) {
    throw StartError(
        fmt::format("user: '{}': only root can become another user; start it as "
                    "root, or without",
                    options.user));
  }
  return identity;
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
