#include <weir/diagnosis.h>

#include <algorithm>
#include <limits>
#include <system_error>

#include <fmt/format.h>

#include "os/limits.h"
#include "os/ring.h"
#include "os/ring_features.h"
#include "os/select.h"

namespace weir {
namespace {

using Kind = Finding::Kind;

// Descriptors that are not connections: see connections_share().
constexpr std::uint64_t reserve = 32;

std::string number(std::uint64_t value) {
  return value == std::numeric_limits<std::uint64_t>::max() ? "unlimited" : std::to_string(value);
}

std::string reason_of(int error) { return std::generic_category().message(-error); }

class Doctor {
 public:
  explicit Doctor(const DiagnosisOptions& options) : options_(options) {}

  std::vector<Finding> look() {
    look_at_models();
    look_at_io_uring();
    look_at_calls();
    look_at_descriptors();
    look_at_processes();
    look_at_network();
    return std::move(findings_);
  }

 private:
  void look_at_models();
  void look_at_io_uring();
  void look_at_calls();
  void look_at_descriptors();
  void look_at_processes();
  void look_at_network();

  void add(std::string_view group, std::string name, Kind kind, std::string state,
           std::string remedy = {}) {
    findings_.push_back(
        {group, std::move(name), kind, std::move(state), kind == Kind::good ? "" : remedy});
  }
  bool wanted(Model model) const noexcept { return options_.model == model; }

  DiagnosisOptions options_;
  std::vector<Finding> findings_;
};

// The reason of a model that does not work is "cause; remedy".
void Doctor::look_at_models() {
  for (const ModelInfo& info : models()) {
    const Availability here = availability(info.model);
    if (here.available) {
      add("models", std::string(info.name), Kind::good, std::string(info.summary));
      continue;
    }
    const auto cut = here.reason.rfind("; ");
    const bool has_remedy = cut != std::string::npos;
    add("models", std::string(info.name), wanted(info.model) ? Kind::problem : Kind::limit,
        here.reason.substr(0, cut),
        has_remedy ? here.reason.substr(cut + 2) : "take another model");
  }
  const Choice choice = choose_model();
  add("models", "automatic", Kind::good,
      fmt::format("{} ({})", name(choice.model), choice.reason));
}

void Doctor::look_at_io_uring() {
  const Kind missing = wanted(Model::io_uring) ? Kind::problem : Kind::limit;
  const auto disabled = os::kernel_setting("kernel.io_uring_disabled");
  if (disabled.value_or(0) == 0) {
    add("io_uring", "kernel.io_uring_disabled", Kind::good,
        disabled ? "0" : "not there: this kernel cannot disable it");
  } else {
    add("io_uring", "kernel.io_uring_disabled", missing, number(*disabled),
        "as root: sysctl kernel.io_uring_disabled=0");
  }
  for (const os::RingFeature& feature : os::ring_features()) {
    if (feature.error == 0) {
      add("io_uring", std::string(feature.name), Kind::good, std::string(feature.use));
    } else if (feature.error == -EPERM && disabled.value_or(0) == 0) {
      add("io_uring", std::string(feature.name), missing,
          fmt::format("forbidden ({}){}", reason_of(feature.error),
                      os::is_filtered() ? ", a seccomp filter watches this process" : ""),
          "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp "
          "profile");
    } else {
      add("io_uring", std::string(feature.name), missing, reason_of(feature.error),
          feature.error == -EINVAL || feature.error == -ENOSYS
              ? fmt::format("needs Linux {} or later; this is {}", feature.since,
                            os::kernel_release())
              : os::Ring::explain(-feature.error));
    }
  }
}

void Doctor::look_at_calls() {
  for (const os::TriedCall& call : os::try_calls()) {
    add("system calls", std::string(call.name), call.error == 0 ? Kind::good : Kind::limit,
        call.error == 0 ? std::string(call.use)
                        : fmt::format("{}: {}", call.use, reason_of(call.error)),
        "allow it in the container's seccomp profile");
  }
}

void Doctor::look_at_descriptors() {
  const os::Limit limit = os::descriptor_limits();
  const std::uint64_t needed = options_.connections + reserve;
  const bool enough = limit.soft >= needed;
  std::string remedy = fmt::format("ulimit -n {}", needed);
  if (limit.hard < needed) {
    remedy = fmt::format(
        "as root: ulimit -Hn {0} && ulimit -n {0}; systemd: LimitNOFILE={0}; "
        "docker: --ulimit nofile={0}",
        needed);
  }
  add("limits", "descriptors", enough ? Kind::good : Kind::problem,
      fmt::format("{} allowed (at most {}), {} needed for {} connections", number(limit.soft),
                  number(limit.hard), needed, options_.connections),
      remedy);

  const auto select_max = static_cast<std::uint64_t>(os::select_limit());
  const bool fits = needed <= select_max;
  add("limits", "select",
      fits                    ? Kind::good
      : wanted(Model::select) ? Kind::problem
                              : Kind::limit,
      fmt::format("descriptors below {}", select_max), "take poll, epoll-lt or epoll-et");

  if (const auto watches = os::kernel_setting("fs.epoll.max_user_watches")) {
    add("limits", "fs.epoll.max_user_watches",
        *watches >= options_.connections ? Kind::good : Kind::problem, number(*watches),
        fmt::format("as root: sysctl fs.epoll.max_user_watches={}", options_.connections));
  }
}

// A thread has a stack and its guard page: two mappings.
void Doctor::look_at_processes() {
  const os::Limit limit = os::process_limits();
  const bool of_each = wanted(Model::threads) || wanted(Model::fork);
  const Kind missing = of_each ? Kind::problem : Kind::limit;
  const auto check = [&](const char* what, std::uint64_t allowed, std::uint64_t needed,
                         std::string remedy) {
    add("limits", what, allowed >= needed ? Kind::good : missing,
        fmt::format("{}, {} needed by {} for {} connections", number(allowed), needed,
                    std::string_view(what).starts_with("vm") ? "threads" : "threads and fork",
                    options_.connections),
        std::move(remedy));
  };
  const std::uint64_t needed = options_.connections;
  check("processes", limit.soft, needed, fmt::format("ulimit -u {}", needed));
  if (const auto threads = os::kernel_setting("kernel.threads-max")) {
    check("kernel.threads-max", *threads, needed,
          fmt::format("as root: sysctl kernel.threads-max={}", 2 * needed));
  }
  if (const auto pids = os::kernel_setting("kernel.pid_max")) {
    check("kernel.pid_max", *pids, needed,
          fmt::format("as root: sysctl kernel.pid_max={}", 2 * needed));
  }
  if (const auto maps = os::kernel_setting("vm.max_map_count")) {
    check("vm.max_map_count", *maps, 2 * needed,
          fmt::format("as root: sysctl vm.max_map_count={}", 3 * needed));
  }
}

void Doctor::look_at_network() {
  const auto backlog = static_cast<std::uint64_t>(std::max(options_.backlog, 0));
  if (const auto somaxconn = os::kernel_setting("net.core.somaxconn")) {
    add("limits", "net.core.somaxconn", *somaxconn >= backlog ? Kind::good : Kind::limit,
        fmt::format("{}, a backlog of {} is asked for", *somaxconn, backlog),
        fmt::format(
            "the kernel lowers the backlog silently; as root: sysctl net.core.somaxconn={}",
            backlog));
  }
  const auto first = os::kernel_setting("net.ipv4.ip_local_port_range", 0);
  const auto last = os::kernel_setting("net.ipv4.ip_local_port_range", 1);
  if (first && last) {
    const std::uint64_t ports = *last >= *first ? *last - *first + 1 : 0;
    add("limits", "ports", ports >= options_.connections ? Kind::good : Kind::limit,
        fmt::format("{} to {}: {} connections of one client address to one server address",
                    *first, *last, ports),
        "clients on this machine need several source addresses (weir load takes 127.0.0.x), or "
        "as "
        "root: sysctl net.ipv4.ip_local_port_range='1024 65535'");
  }
  if (const auto lowest = os::kernel_setting("net.ipv4.ip_unprivileged_port_start")) {
    add("limits", "ports below", Kind::good,
        fmt::format("{} need root or CAP_NET_BIND_SERVICE", *lowest));
  }
}

}  // namespace

std::vector<Finding> diagnose(const DiagnosisOptions& options) { return Doctor(options).look(); }

}  // namespace weir
