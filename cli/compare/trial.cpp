#include "cli/compare/trial.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/system/accounting.h"
#include "cli/text.h"

namespace weir::cli {
namespace {

constexpr int patience_ms = 60'000;

std::vector<std::string> load_words(const Cell& cell, const Conditions& conditions,
                                    const std::string& address, double warm_up_s,
                                    double duration_s, std::uint64_t seed) {
  const auto text = [](auto number) { return fmt::format("{}", number); };
  return {"load",          address,
          "--connections", text(cell.connections),
          "--idle",        text(cell.idle),
          "--message",     text(cell.message),
          "--pipeline",    text(cell.pipeline),
          "--workers",     text(std::min(conditions.load_workers, cell.connections)),
          "--warm-up",     text(warm_up_s),
          "--duration",    text(duration_s),
          "--seed",        text(seed)};
}

// What stands in the place of a phase when the load cannot go on is on its stderr.
void expect(Child& load, const char* phase) {
  const std::string line = load.out_line(patience_ms);
  if (line != phase) throw ChildError(fmt::format("the load said '{}'", line));
}

std::string first_kind(const Result& result) {
  return result.errors.empty() ? "" : result.errors.begin()->first;
}

// Unknown for few connections: what a server keeps for all of them would be counted as theirs.
double memory_each(std::uint64_t before, std::uint64_t after, const Cell& cell) {
  const double clients = double{1} * cell.connections + cell.idle;
  if (clients < 64) return -1;
  return std::max(static_cast<double>(after) - static_cast<double>(before), 0.0) / clients;
}

// A server may have accepted its clients and still be starting their threads or processes: that
// is not charged to the requests. One that looks at its clients all the time is not waited for.
void settle(GroupAccount& account) {
  constexpr int step_ms = 10;
  for (int i = 0; i < 30; ++i) {
    account.begin();
    rest_ms(step_ms);
    if (account.used_ns() < step_ms * 1'000'000 / 10) return;
  }
}

// The processes' clocks do not tell user from system; their accounts over the whole life do.
void add_cpu(Sample& sample, const Usage& life, std::int64_t cpu_ns, double requests) {
  const double cpu_us = static_cast<double>(cpu_ns) / 1e3 / requests;
  const auto all = static_cast<double>(std::max<std::int64_t>(life.user_us + life.system_us, 1));
  sample[Metric::cpu_us] = cpu_us;
  sample[Metric::user_us] = cpu_us * static_cast<double>(life.user_us) / all;
  sample[Metric::system_us] = cpu_us * static_cast<double>(life.system_us) / all;
}

}  // namespace

std::string beyond(const Subject& subject, const Cell& cell, const Conditions& conditions) {
  const std::size_t clients = std::size_t{cell.connections} + cell.idle;
  const std::size_t reserve = 64;
  if (clients + reserve > conditions.descriptors) {
    return fmt::format("needs {} descriptors, the limit is {}", with_commas(clients + reserve),
                       with_commas(conditions.descriptors));
  }
  if (subject.model.empty()) return "";
  const Model model = *model_named(subject.model);
  if (model == Model::iterative && clients > 1) {
    return "serves one client at a time: the others would wait";
  }
  if (model == Model::select && clients > 1000) {
    return "beyond FD_SETSIZE: select(2) watches descriptors below 1,024";
  }
  if (model == Model::fork && clients > 2000) {
    return "a process for each of so many clients is not tried (limit: 2,000)";
  }
  return "";
}

Trials::Measured Trials::measure(const Subject& subject, const Cell& cell, double warm_up_s,
                                 double duration_s, std::uint64_t seed) {
  MeasuredServer server(conditions_.tool, subject, conditions_.serve_options,
                        conditions_.server_cpus);
  const std::uint64_t memory_before = memory_of_group(server.pid());
  std::vector<std::string> words =
      load_words(cell, conditions_, server.address(), warm_up_s, duration_s, seed);
  words.insert(words.begin(), conditions_.tool);
  words.insert(words.end(), {"--json", "--phases"});
  Child load(words, conditions_.load_cpus);

  expect(load, "connected");
  GroupAccount account(server.pid());
  settle(account);
  const std::uint64_t switches_before = account.switches();
  load.tell("begin");
  expect(load, "measuring");
  account.begin();
  expect(load, "measured");
  account.end();
  expect(load, "answered");
  const std::uint64_t switches_after = account.switches();
  const std::uint64_t memory_after = memory_of_group(server.pid());
  load.tell("close");

  Measured measured;
  const Usage of_load = load.wait(patience_ms);
  if (of_load.exit_code > 1) throw ChildError(load.last_words());
  measured.load = result_from_json(nlohmann::ordered_json::parse(load.rest()));
  measured.end = server.stop();
  // On a machine that is too busy for us to look in time, we saw a part of the window only.
  const bool in_time = static_cast<double>(account.span_ns()) > 0.9e9 * duration_s;
  measured.cpu_ns = in_time ? account.cpu_ns() : -1;
  // With the warm-up's: to read them takes too long for the moment when measuring begins.
  const std::uint64_t since = measured.load.requests_ever - measured.load.greetings;
  if (since > 0 && switches_after >= switches_before) {
    measured.switches =
        static_cast<double>(switches_after - switches_before) / static_cast<double>(since);
  }
  measured.memory = memory_each(memory_before, memory_after, cell);
  Served& served = served_[subject.name];
  served.clients += measured.load.connections + measured.load.idle;
  served.requests += measured.load.requests_ever;
  return measured;
}

// What connecting, waiting and closing alone costs: it is subtracted, so that a thousand idle
// clients that had to be accepted are not charged to the requests.
std::uint64_t Trials::calls_without_requests(const Subject& subject, const Cell& cell) {
  const auto key = std::tuple(subject.name, cell.connections, cell.idle);
  const auto found = idle_calls_.find(key);
  if (found != idle_calls_.end()) return found->second;
  const Measured nothing = measure(subject, cell, 0, 0, 1);
  const std::uint64_t calls = nothing.end.totals ? nothing.end.totals->calls : 0;
  idle_calls_.emplace(key, calls);
  return calls;
}

Sample Trials::run(const Subject& subject, const Cell& cell, std::uint64_t seed) {
  const Measured measured =
      measure(subject, cell, conditions_.warm_up_s, conditions_.duration_s, seed);
  const Result& load = measured.load;
  Sample sample;
  sample.requests = load.requests_ever;
  sample.errors = load.error_count();
  sample.first_error = first_kind(load);
  sample.generator_busy = load.busy();
  sample.server_busy =
      load.seconds > 0 ? static_cast<double>(measured.cpu_ns) / 1e9 / load.seconds : 0;
  sample.latency = load.latency;
  sample.figures.fill(-1);
  if (load.requests == 0) return sample;

  const auto requests = static_cast<double>(load.requests);
  sample[Metric::requests_per_s] = load.requests_per_s;
  if (measured.cpu_ns >= 0) add_cpu(sample, measured.end.usage, measured.cpu_ns, requests);
  sample[Metric::p50_us] = static_cast<double>(load.latency.at_percentile(50)) / 1e3;
  sample[Metric::p99_us] = static_cast<double>(load.latency.at_percentile(99)) / 1e3;
  sample[Metric::p999_us] = static_cast<double>(load.latency.at_percentile(99.9)) / 1e3;
  sample[Metric::switches] = measured.switches;
  sample[Metric::memory] = measured.memory;
  if (measured.end.totals) {
    const auto base = static_cast<double>(calls_without_requests(subject, cell));
    const auto calls = static_cast<double>(measured.end.totals->calls);
    // Unknown where the requests' part drowns in what happens with the clock anyway.
    if (calls > base) {
      sample[Metric::calls] = (calls - base) / static_cast<double>(load.requests_ever);
    }
  }
  return sample;
}

// --- correctness -----------------------------------------------------------------------------

Check Trials::check(const Subject& subject, std::uint64_t seed) {
  const bool one_at_a_time = subject.model == name(Model::iterative);
  const Cell small{
      .connections = one_at_a_time ? 1U : 8U, .idle = 0, .message = 1, .pipeline = 16};
  const Cell large{
      .connections = one_at_a_time ? 1U : 4U, .idle = 0, .message = 1'000'003, .pipeline = 2};
  Check check;
  try {
    for (const Cell& cell : {small, large}) {
      const Measured measured = measure(subject, cell, 0, 0.1, seed);
      const Result& load = measured.load;
      if (load.error_count() > 0) {
        check.fault = first_kind(load);
      } else if (load.requests_ever == 0) {
        check.fault = "no reply";
      } else if (const auto& totals = measured.end.totals;
                 totals && (totals->accepted != cell.connections ||
                            totals->bytes_received != load.bytes_received ||
                            totals->bytes_sent != load.bytes_received)) {
        check.fault =
            fmt::format("{} bytes, but the server counted {} in and {} out", load.bytes_received,
                        totals->bytes_received, totals->bytes_sent);
      }
      if (!check.fault.empty()) return check;
    }
    check.right = true;
  } catch (const std::exception& error) { check.fault = error.what(); }
  return check;
}

std::uint64_t Trials::clients(const std::string& subject) const {
  const auto found = served_.find(subject);
  return found == served_.end() ? 0 : found->second.clients;
}

std::uint64_t Trials::requests(const std::string& subject) const {
  const auto found = served_.find(subject);
  return found == served_.end() ? 0 : found->second.requests;
}

std::string Trials::load_command(const Cell& cell, const Conditions& conditions) {
  return fmt::format(
      "weir {}", fmt::join(load_words(cell, conditions, "127.0.0.1:PORT", conditions.warm_up_s,
                                      conditions.duration_s, 1),
                           " "));
}

}  // namespace weir::cli
