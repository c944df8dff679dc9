#include "instance.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>

#include "statistics.h"

namespace bench {
namespace {

Launch launch_of(const Subject& subject, const Schedule& schedule) {
  Launch launch;
  launch.command = command_of(subject);
  launch.cpu = schedule.server_cpu;
  launch.forks = subject.forks;
  launch.log = schedule.server_log;
  return launch;
}

[[noreturn]] void hold_connections(int port, int connections, int ready) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  try {
    const Client client(port, connections, 64);
    must(::write(ready, "r", 1), "write");
    for (;;) ::pause();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "idle connections: %s\n", error.what());
    _exit(1);
  }
}

}  // namespace

Parked::Parked(int port, int connections) {
  int ready[2];
  must(::pipe2(ready, O_CLOEXEC), "pipe");
  pid_ = must(::fork(), "fork");
  if (pid_ == 0) {
    ::close(ready[0]);
    hold_connections(port, connections, ready[1]);
  }
  ::close(ready[1]);
  const Fd reader(ready[0]);
  char go = 0;
  if (::read(reader.get(), &go, 1) != 1) throw std::runtime_error("idle connections failed");
}

Parked::~Parked() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

double Reading::value(Metric metric) const {
  switch (metric) {
    case Metric::cpu: return cpu_ns_per_request;
    case Metric::requests_per_second: return requests_per_second;
    case Metric::turn_p99: return PooledLatencies({latencies_ns}).percentile(0.99);
    case Metric::turn_p999: return PooledLatencies({latencies_ns}).percentile(0.999);
    case Metric::p50:
    case Metric::p99:
    case Metric::p999: break;
  }
  return 0;
}

Instance::Instance(const Entry& entry, const Cell& cell, const Schedule& schedule)
    : cell_(cell), subject_(subject(entry.subject)) {
  Launch launch = launch_of(subject_, schedule);
  if (subject_.proxy) {
    Launch upstream = launch_of(subject("bare:epoll-et"), schedule);
    upstream.cpu = schedule.client_cpu;  // What it uses is not the proxy's.
    upstream_.emplace(upstream);
    launch.command = command_of(subject_, upstream_->port());
  }
  server_.emplace(launch);
  if (entry.idle > 0) parked_.emplace(server_->port(), entry.idle);
  if (subject_.works_when_idle) server_->pause();
}

void Instance::connect() {
  server_->resume();
  const int connections = cell_.load == Load::churn ? 0 : cell_.connections;
  client_.emplace(server_->port(), connections, cell_.message_size);
  // An upstream shares the client's CPU: polling would keep it from running.
  client_->poll_only(!subject_.proxy);
  if (subject_.works_when_idle) server_->pause();
}

Turn Instance::load(double rate) {
  const std::int64_t duration_ns = cell_.turn_ms * ms;
  switch (cell_.load) {
    case Load::closed_loop: return client_->closed_loop(duration_ns, cell_.depth);
    case Load::open_loop:
    case Load::half_of_highest: return client_->open_loop(duration_ns, rate);
    case Load::churn: return client_->churn(duration_ns, cell_.connections);
  }
  return {};
}

Reading Instance::turn(double rate) {
  server_->resume();
  const std::int64_t before = server_->cpu().read_ns();
  Turn turn = load(rate);
  const CpuClock& clock = server_->cpu();
  const std::int64_t after = subject_.works_when_idle ? clock.read_ns() : clock.read_at_rest_ns();
  if (subject_.works_when_idle) server_->pause();
  const auto requests = static_cast<double>(turn.requests);
  Reading reading;
  reading.cpu_ns_per_request = static_cast<double>(after - before) / requests;
  reading.requests_per_second = requests * 1e9 / static_cast<double>(turn.wall_ns);
  reading.latencies_ns = std::move(turn.latencies_ns);
  return reading;
}

double Instance::highest_rate() {
  server_->resume();
  std::vector<double> rates;
  for (int i = 0; i < 5; ++i) {
    const Turn turn = client_->closed_loop(50 * ms, 1);
    rates.push_back(static_cast<double>(turn.requests) * 1e9 / static_cast<double>(turn.wall_ns));
  }
  return estimate(rates).median;
}

}  // namespace bench
