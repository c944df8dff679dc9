#include "cli/load/result.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "cli/text.h"

namespace weir::cli {
namespace {

std::string percentiles(const Histogram& times) {
  constexpr std::array<double, 5> parts{50, 90, 99, 99.9, 99.99};
  std::string line;
  for (const double part : parts) {
    line += fmt::format("p{} {}   ", part, duration_text(times.at_percentile(part)));
  }
  return line + fmt::format("max {}", duration_text(times.max()));
}

std::string kind_of_load(const Result& result) {
  std::string text = fmt::format("{} loop", result.loop);
  if (result.rate > 0) text += fmt::format(" at {} a second", whole(result.rate));
  text += fmt::format(", {} connections", with_commas(result.connections));
  if (result.idle > 0) text += fmt::format(" and {} idle ones", with_commas(result.idle));
  if (result.churn) text += ", a new one for each exchange";
  if (result.pipeline > 1) text += fmt::format(", {} requests in flight each", result.pipeline);
  if (result.protocol == "echo") text += fmt::format(", {} B messages", result.message);
  return text;
}

template <class Map>
std::string counted(const Map& counts) {
  std::string text;
  for (const auto& [what, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", with_commas(count), what);
  }
  return text;
}

}  // namespace

std::uint64_t Result::error_count() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& [kind, count] : errors) sum += count;
  return sum;
}

double Result::busy() const noexcept {
  const double available = seconds * static_cast<double>(std::max<std::uint64_t>(workers, 1));
  return available > 0 ? std::min(cpu_s / available, 1.0) : 0;
}

void Result::add(const Result& other) {
  rate += other.rate;
  connections += other.connections;
  idle += other.idle;
  workers += other.workers;
  seconds = std::max(seconds, other.seconds);
  requests += other.requests;
  requests_per_s += other.requests_per_s;
  requests_ever += other.requests_ever;
  greetings += other.greetings;
  bytes_received += other.bytes_received;
  for (const auto& [kind, count] : other.errors) errors[kind] += count;
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  latency.add(other.latency);
  service.add(other.service);
  connects.add(other.connects);
  cpu_s += other.cpu_s;
}

std::string to_text(const Result& result) {
  std::string text =
      fmt::format("{} to {}: {}\n{:.1f} s measured, {} worker{} ({})\n\n", result.protocol,
                  result.server, kind_of_load(result), result.seconds, result.workers,
                  result.workers == 1 ? "" : "s", result.model);
  text += fmt::format("requests  {}, {} a second\n", with_commas(result.requests),
                      whole(result.requests_per_s));
  if (!result.statuses.empty()) text += fmt::format("statuses  {}\n", counted(result.statuses));
  text += fmt::format("errors    {}\n",
                      result.errors.empty() ? std::string("none") : counted(result.errors));
  if (result.rate > 0) {
    text +=
        fmt::format("latency   from when each request was due (no stall can hide):\n{:10}{}\n",
                    "", percentiles(result.latency));
    text += fmt::format("{:10}from when it was sent:\n{:10}{}\n", "", "",
                        percentiles(result.service));
  } else {
    text += fmt::format("latency   {}\n", percentiles(result.latency));
  }
  text += fmt::format("connect   {}\n", percentiles(result.connects));
  text += fmt::format("generator {:.0f} % of its CPU{}\n", 100 * result.busy(),
                      result.busy() > 0.95 ? ": it may be the bottleneck; try --workers" : "");
  return text;
}

}  // namespace weir::cli
