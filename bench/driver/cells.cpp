#include <fmt/format.h>

#include "cell.h"

namespace bench {
namespace {

const std::vector<std::string> loops = {"epoll-et", "epoll-lt",    "poll",
                                        "select",   "nonblocking", "io-uring"};
const Entry baseline{"bare:epoll-et"};

/// Each model against the bare program of the same mechanism.
void add_models(Cell& cell, const std::vector<std::string>& models) {
  for (const std::string& model : models) {
    cell.contests.push_back({{"weir:" + model}, {"bare:" + model}});
  }
}

void add_control(Cell& cell) { cell.contests.push_back({{"A/A"}, baseline}); }

void add_peers(Cell& cell) {
  for (const std::string& peer : peer_names()) cell.contests.push_back({{peer}, baseline});
}

/// What the mechanisms themselves differ in, and Weir's ring against the bare edge.
void add_mechanisms(Cell& cell, const std::vector<std::string>& models) {
  for (const std::string& model : models) {
    if (model != "epoll-et") cell.contests.push_back({{"bare:" + model}, baseline});
  }
  cell.contests.push_back({{"weir:io-uring"}, baseline});
}

void add_batches(Cell& cell) { cell.contests.push_back({{"weir:io-uring+batch"}, baseline}); }

std::string size_name(std::size_t size) {
  return size < 1024 ? fmt::format("{}B", size) : fmt::format("{}KiB", size / 1024);
}

Cell echo(std::size_t size, int connections) {
  Cell cell;
  cell.name = fmt::format("{}-{}c", size_name(size), connections);
  cell.title = fmt::format("{} messages, {} connections, one request each after the other",
                           size_name(size), connections);
  cell.message_size = size;
  cell.connections = connections;
  add_control(cell);
  return cell;
}

void add_echo(std::vector<Cell>& cells) {
  for (const std::size_t size : {std::size_t{64}, std::size_t{512}}) {
    for (const int connections : {1, 64, 1000}) {
      Cell cell = echo(size, connections);
      add_models(cell, loops);
      add_peers(cell);
      add_mechanisms(cell, loops);
      if (size == 64 && connections == 1) add_models(cell, {"iterative", "fork", "threads"});
      if (size == 64 && connections == 64) add_models(cell, {"fork", "threads"});
      if (connections > 1) add_batches(cell);
      cells.push_back(cell);
    }
  }
  for (const auto& [size, connections] : {std::pair{16, 1}, {16, 64}, {256, 1}, {256, 16}}) {
    Cell cell = echo(static_cast<std::size_t>(size) * 1024, connections);
    add_models(cell, {"epoll-et", "epoll-lt", "io-uring"});
    add_peers(cell);
    add_mechanisms(cell, {"io-uring"});
    cells.push_back(cell);
  }
  for (const int connections : {1, 64}) {
    Cell cell = echo(64, connections);
    cell.name = fmt::format("pipelined-{}c", connections);
    cell.title =
        fmt::format("64 B messages, {} connections, 16 outstanding on each", connections);
    cell.depth = 16;
    add_models(cell, loops);
    add_peers(cell);
    add_mechanisms(cell, loops);
    cells.push_back(cell);
  }
}

void add_rates(std::vector<Cell>& cells) {
  Cell fixed = echo(64, 64);
  fixed.name = "rate-20000";
  fixed.title = "64 B messages, 20,000 a second over 64 connections, whether replies come or not";
  fixed.load = Load::open_loop;
  fixed.rate = 20'000;
  fixed.more_rounds = 2;
  add_models(fixed, {"epoll-et", "epoll-lt", "io-uring"});
  add_peers(fixed);
  add_mechanisms(fixed, {"io-uring"});
  add_batches(fixed);
  Cell half = fixed;
  half.name = "half-rate";
  half.title = "64 B messages over 64 connections at half of the baseline's highest rate";
  half.load = Load::half_of_highest;
  half.turn_ms = 40;  // Short: a stall of the machine spoils one turn, not the median.
  cells.push_back(fixed);
  cells.push_back(half);
}

void add_rest(std::vector<Cell>& cells) {
  Cell churn = echo(64, 16);
  churn.name = "churn";
  churn.title = "connect, one echo of 64 B, close; 16 clients at once";
  churn.load = Load::churn;
  add_models(churn, {"iterative", "fork", "threads"});
  add_models(churn, loops);
  add_peers(churn);
  add_mechanisms(churn, {"io-uring"});
  cells.push_back(churn);

  for (const int idle : {10'000, 19'000}) {
    Cell cell = echo(64, 64);
    cell.name = fmt::format("idle-{}", idle);
    cell.title = fmt::format("64 B messages, 64 connections active among {} idle", idle);
    for (const char* model : {"epoll-et", "epoll-lt", "io-uring"}) {
      cell.contests.push_back(
          {{std::string("bare:") + model, idle}, {std::string("bare:") + model}});
      cell.contests.push_back(
          {{std::string("weir:") + model, idle}, {std::string("weir:") + model}});
    }
    for (const char* model : {"poll", "nonblocking"}) {
      const Entry bare{std::string("bare:") + model, idle};
      cell.contests.push_back({bare, {bare.subject}});
      const Entry weir{std::string("weir:") + model, idle};
      cell.contests.push_back({weir, {weir.subject}});
      cell.contests.push_back({weir, bare});
    }
    cells.push_back(cell);
  }

  Cell spin = echo(64, 1);
  spin.name = "spin";
  spin.title = "64 B, one connection: spin_before_sleep against the same model without";
  for (const char* model : {"epoll-et", "epoll-lt", "poll", "io-uring"}) {
    spin.contests.push_back(
        {{fmt::format("weir:{}+spin", model)}, {fmt::format("weir:{}", model)}});
  }
  cells.push_back(spin);

  for (const auto& [size, connections] : {std::pair{64, 1}, {64, 64}, {16 * 1024, 16}}) {
    Cell proxy = echo(static_cast<std::size_t>(size), connections);
    proxy.name = "proxy-" + proxy.name;
    proxy.title += ", through a proxy";
    proxy.contests.clear();
    for (const char* model : {"epoll-et", "epoll-lt", "io-uring"}) {
      proxy.contests.push_back({{fmt::format("weir:{}-proxy", model)}, {"bare:proxy"}});
    }
    cells.push_back(proxy);
  }
}

}  // namespace

std::string Entry::label() const {
  return idle > 0 ? fmt::format("{} ({} idle)", subject, idle) : subject;
}

const char* name_of(Metric metric) {
  switch (metric) {
    case Metric::cpu: return "CPU a request";
    case Metric::requests_per_second: return "requests/s";
    case Metric::p50: return "p50";
    case Metric::p99: return "p99";
    case Metric::p999: return "p99.9";
    case Metric::turn_p99: return "a turn's p99";
    case Metric::turn_p999: return "a turn's p99.9";
  }
  return "";
}

const std::vector<std::string>& peer_names() {
  static const std::vector<std::string> names = {"asio-callbacks", "asio-coroutines", "libuv",
                                                 "libevent", "libev"};
  return names;
}

std::vector<Cell> all_cells() {
  std::vector<Cell> cells;
  add_echo(cells);
  add_rates(cells);
  add_rest(cells);
  return cells;
}

std::vector<Cell> smoke_cells() {
  std::vector<Cell> chosen;
  for (Cell& cell : all_cells()) {
    cell.turn_ms = 4;
    if (cell.name.starts_with("idle-")) {
      for (Contest& contest : cell.contests) {
        if (contest.subject.idle > 0) contest.subject.idle = 200;
        if (contest.reference.idle > 0) contest.reference.idle = 200;
      }
    }
    for (const char* name : {"64B-64c", "256KiB-16c", "pipelined-1c", "rate-20000", "half-rate",
                             "churn", "idle-10000", "spin", "proxy-64B-64c"}) {
      if (cell.name == name) chosen.push_back(cell);
    }
  }
  return chosen;
}

}  // namespace bench
