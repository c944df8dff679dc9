#include "cli/load/generator.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <weir/client.h>
#include <weir/time.h>
#include <weir/when.h>

#include "cli/commands.h"
#include "cli/load/worker.h"
#include "cli/system/cpu.h"
#include "cli/text.h"

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

std::atomic<bool> interrupted{false};

// The first SIGINT ends the load with what there is, the second ends the program.
void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

void say_phase(const char* phase) {
  fmt::print("{}\n", phase);
  std::fflush(stdout);
}

// Leads the workers through the phases; runs beside the first of them, on its engine.
class Conductor {
 public:
  Conductor(const Load& load, Together& together,
            const std::vector<std::unique_ptr<Worker>>& workers)
      : load_(load), together_(together), workers_(workers) {}

  Task<> conduct() {
    co_await sleep_for(0ns);
    while (together_.connected < together_.working) co_await sleep_for(1ms);
    begin();
    co_await reach(together_.window.begin);
    if (load_.phases) say_phase("measuring");
    const CpuTime before = cpu_time();
    co_await reach(together_.window.end);
    const CpuTime after = cpu_time();
    if (load_.phases) say_phase("measured");
    cpu_s =
        static_cast<double>(after.user_us + after.system_us - before.user_us - before.system_us) /
        1e6;
    seconds = static_cast<double>(together_.window.end - together_.window.begin) / 1e9;
    while (together_.finished < together_.working) co_await sleep_for(1ms);
    if (load_.phases) {
      say_phase("answered");
      wait_for_line();
    }
    together_.close = true;
  }

  double cpu_s = 0;
  double seconds = 0;

 private:
  void begin() {
    bool failed = false;
    for (const auto& worker : workers_) failed = failed || !worker->failure().empty();
    if (load_.phases && !failed) {
      say_phase("connected");
      wait_for_line();
    }
    const std::int64_t moment = now().count();
    Window& window = together_.window;
    window.begin = failed ? moment : moment + load_.warm_up.count();
    window.end = failed ? moment : window.begin + load_.duration.count();
    together_.go = true;
  }

  // Nothing is in flight then: nobody is kept waiting.
  static void wait_for_line() {
    std::string line;
    std::getline(std::cin, line);
  }

  Task<> reach(const std::atomic<std::int64_t>& moment) {
    while (true) {
      const std::int64_t left = moment - now().count();
      if (left <= 0) break;
      co_await sleep_for(
          std::min<std::chrono::nanoseconds>(std::chrono::nanoseconds(left), 100ms));
      if (interrupted) stop();
      if (load_.progress) show();
    }
    if (load_.progress) fmt::print(stderr, "\r\x1b[K");
  }
  Task<> reach(std::int64_t moment) {
    const std::atomic<std::int64_t> fixed{moment};
    co_await reach(fixed);
  }

  void stop() {
    const std::int64_t moment = now().count();
    Window& window = together_.window;
    window.end = std::min(window.end.load(), std::max(moment, window.begin));
  }

  void show() {
    const std::int64_t moment = now().count();
    if (moment - shown_at_ < 500'000'000) return;
    std::uint64_t answered = 0;
    for (const auto& worker : workers_) answered += worker->answered();
    const double rate =
        static_cast<double>(answered - shown_) * 1e9 / static_cast<double>(moment - shown_at_);
    const std::int64_t left = together_.window.end - moment;
    fmt::print(stderr, "\r\x1b[K{}: {} requests, {} a second, {:.0f} s to go",
               moment < together_.window.begin ? "warming up" : "measuring",
               with_commas(answered), whole(shown_at_ == 0 ? 0 : rate),
               static_cast<double>(left) / 1e9);
    std::fflush(stderr);
    shown_ = answered;
    shown_at_ = moment;
  }

  const Load& load_;
  Together& together_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  std::uint64_t shown_ = 0;
  std::int64_t shown_at_ = 0;
};

Task<> work_and_conduct(Worker& worker, Conductor& conductor) {
  co_await when_all(worker.work(), conductor.conduct());
}

// A load sends without ever waiting in send(): its outboxes are bounded by what is in flight.
Options options_for_a_load() {
  Options options;
  options.outbox_high = SIZE_MAX;
  options.linger = 1s;
  return options;
}

Result describe(const Load& load) {
  Result result;
  result.server = load.server.text();
  result.protocol = load.protocol == Protocol::http ? "http" : "echo";
  result.loop = !load.open_loop()                    ? "closed"
                : load.arrivals == Arrivals::poisson ? "open, poisson"
                                                     : "open, constant";
  result.rate = load.rate;
  result.connections = load.connections;
  result.idle = load.idle;
  result.message = load.protocol == Protocol::http ? load.request.size() : load.message;
  result.pipeline = load.pipeline;
  result.churn = load.churn;
  result.model = name(load.model);
  return result;
}

// Every worker must be able to begin, or the others would wait for it.
Load with_model(Load load) {
  if (load.model == Model::automatic) load.model = choose_model().model;
  const Availability here = availability(load.model);
  if (!here.available) {
    throw UsageError(
        fmt::format("model {} is not available here: {}", name(load.model), here.reason));
  }
  return load;
}

}  // namespace

Result generate(const Load& asked) {
  const Load load = with_model(asked);
  const Pattern pattern(load.message, load.seed);
  Together together(load.workers);
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < load.workers; ++i) {
    workers.push_back(std::make_unique<Worker>(load, i, pattern, together));
  }
  Conductor conductor(load, together, workers);
  std::signal(SIGINT, on_interrupt);

  const Options options = options_for_a_load();
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < load.workers; ++i) {
    threads.emplace_back([&, i] { run(workers[i]->work(), load.model, options); });
  }
  run(work_and_conduct(*workers[0], conductor), load.model, options);
  for (std::thread& thread : threads) thread.join();

  Result result = describe(load);
  for (const auto& worker : workers) {
    if (!worker->failure().empty()) throw UsageError(worker->failure());
    Result part = worker->take_result();
    result.add(part);
  }
  result.workers = load.workers;
  result.seconds = conductor.seconds;
  result.cpu_s = conductor.cpu_s;
  if (result.seconds > 0) {
    result.requests_per_s = static_cast<double>(result.requests) / result.seconds;
  }
  return result;
}

}  // namespace weir::cli
