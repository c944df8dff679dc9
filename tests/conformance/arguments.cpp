#include "tests/conformance/arguments.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace conformance {

Arguments parse(const std::vector<std::string>& words) {
  if (words.empty()) throw std::invalid_argument("no handler");
  Arguments arguments;
  arguments.handler = words[0];
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    if (words[i] == "--listen") arguments.listen.push_back(words[i + 1]);
    else arguments.values[words[i]] = words[i + 1];
  }
  return arguments;
}

namespace {

/// Networks, separated by commas.
std::vector<weir::Network> networks(const Arguments& arguments, const std::string& name) {
  std::vector<weir::Network> result;
  if (!arguments.has(name)) return result;
  std::istringstream list(arguments.values.at(name));
  for (std::string text; std::getline(list, text, ',');) {
    result.push_back(weir::Network::parse(text));
  }
  return result;
}

}  // namespace

weir::Options options_from(const Arguments& arguments) {
  weir::Options options;
  options.connections_max = static_cast<unsigned>(arguments.number("--connections-max", 0));
  options.connections_per_address =
      static_cast<unsigned>(arguments.number("--connections-per-address", 0));
  options.allow = networks(arguments, "--allow");
  options.deny = networks(arguments, "--deny");
  options.proxy_from = networks(arguments, "--proxy-from");
  options.proxy_only = arguments.number("--proxy-only", 0) != 0;
  if (arguments.number("--reject", 0) != 0) options.overload = weir::Overload::reject;
  options.memory_max = arguments.number("--memory-max", 0);
  options.budget_operations =
      static_cast<unsigned>(arguments.number("--budget-operations", options.budget_operations));
  options.outbox_high = arguments.number("--outbox-high", options.outbox_high);
  options.outbox_low = std::min(options.outbox_low, options.outbox_high / 2);
  options.spin_before_sleep =
      std::chrono::microseconds(arguments.number("--spin-before-sleep-us", 0));
  options.batch_wait = std::chrono::microseconds(arguments.number("--batch-wait-us", 0));
  options.send_when_writable = arguments.number("--send-when-writable", 0) != 0;
  options.reuse_port = arguments.number("--reuse-port", 0) != 0;
  options.dual_stack = arguments.number("--dual-stack", 0) != 0;
  options.unix_mode = static_cast<unsigned>(arguments.number("--unix-mode", 0));
  options.pin_workers = arguments.text("--pin");
  options.user = arguments.text("--user");
  const std::pair<const char*, std::chrono::milliseconds*> deadlines[] = {
      {"--first-byte", &options.first_byte},   {"--idle", &options.idle},
      {"--receive", &options.receive},         {"--send", &options.send},
      {"--connection", &options.connection},   {"--proxy-header", &options.proxy_header},
      {"--stall-after", &options.stall_after},
  };
  for (const auto& [name, value] : deadlines) {
    *value = std::chrono::milliseconds(
        arguments.number(name, static_cast<std::size_t>(value->count())));
  }
  options.linger = std::chrono::milliseconds(arguments.number("--linger-ms", 5000));
  // Most tests end with a client who is still there: nobody else is worth waiting for.
  options.drain = std::chrono::milliseconds(arguments.number("--drain-ms", 250));
  options.workers = static_cast<unsigned>(arguments.number("--workers", 1));
  const bool processes = arguments.has("--kind") && arguments.values.at("--kind") == "process";
  options.worker_kind = processes ? weir::WorkerKind::process : weir::WorkerKind::thread;
  return options;
}

Settings settings_from(const Arguments& arguments) {
  Settings settings;
  settings.size = arguments.number("--size", settings.size);
  settings.piece = arguments.number("--piece", settings.piece);
  settings.pause = std::chrono::milliseconds(arguments.number("--pause-ms", 20));
  if (arguments.has("--upstream")) settings.upstream = arguments.values.at("--upstream");
  settings.until_file = arguments.text("--until-file");
  return settings;
}

std::string totals_line(const weir::Statistics& totals) {
  const std::pair<const char*, std::uint64_t> numbers[] = {
      {"accepted", totals.accepted},
      {"closed", totals.closed},
      {"ended", totals.ended},
      {"failed", totals.failed},
      {"cut", totals.cut},
      {"timed_out", totals.timed_out},
      {"lost", totals.lost},
      {"proxy_invalid", totals.proxy_invalid},
      {"proxy_denied", totals.proxy_denied},
      {"timed_out_first_byte", totals.timed_out_first_byte},
      {"timed_out_idle", totals.timed_out_idle},
      {"timed_out_receive", totals.timed_out_receive},
      {"timed_out_connection", totals.timed_out_connection},
      {"timed_out_send", totals.timed_out_send},
      {"timed_out_proxy", totals.timed_out_proxy},
      {"timed_out_linger", totals.timed_out_linger},
      {"open_peak", totals.open_peak},
      {"turns", totals.turns},
      {"events", totals.events},
      {"budget_stops", totals.budget_stops},
      {"stalls", totals.stalls},
      {"buffers", totals.buffers},
      {"buffer_bytes", totals.buffer_bytes},
      {"buffer_bytes_peak", totals.buffer_bytes_peak},
      {"outbox_bytes", totals.outbox_bytes},
      {"outbox_bytes_peak", totals.outbox_bytes_peak},
      {"memory_waits", totals.memory_waits},
      {"calls", totals.calls()},
      {"refused_full", totals.refused_full},
      {"refused_address", totals.refused_address},
      {"refused_network", totals.refused_network},
      {"refused_memory", totals.refused_memory},
      {"refused_descriptors", totals.refused_descriptors},
      {"bytes_received", totals.bytes_received},
      {"sends", totals.calls_send},
      {"receives", totals.calls_receive},
      {"rests", totals.accept_rests},
  };
  std::string line = "totals";
  for (const auto& [name, number] : numbers) {
    line += std::string(" ") + name + "=" + std::to_string(number);
  }
  return line;
}

}  // namespace conformance
