#include <fmt/format.h>
#include <tuple>

#include "cell.h"

namespace bench {
namespace {

const std::vector<std::string> small = {"64B-1c",  "64B-64c",  "64B-1000c",
                                        "512B-1c", "512B-64c", "512B-1000c"};
const Entry bare_edge{"bare:epoll-et"};

Contest against_bare(const std::string& model) { return {{"weir:" + model}, {"bare:" + model}}; }

void add_echo_goals(std::vector<Goal>& goals) {
  for (const char* model : {"epoll-et", "epoll-lt", "poll", "select", "nonblocking"}) {
    goals.push_back({fmt::format("{}: small messages", model), small, against_bare(model),
                     Metric::cpu, 1.03, false, true});
  }
  goals.push_back(
      {"io-uring: small messages", small, against_bare("io-uring"), Metric::cpu, 1.03});
  goals.push_back({"io-uring against bare epoll edge",
                   {"64B-64c", "64B-1000c", "512B-64c", "512B-1000c"},
                   {{"weir:io-uring"}, bare_edge},
                   Metric::cpu,
                   0.97});
  for (const char* model : {"fork", "threads"}) {
    goals.push_back({fmt::format("{}: long-lived connections", model),
                     {"64B-1c", "64B-64c"},
                     against_bare(model),
                     Metric::cpu,
                     1.05});
  }
  goals.push_back({"iterative: long-lived connections",
                   {"64B-1c"},
                   against_bare("iterative"),
                   Metric::cpu,
                   1.05});
  for (const char* model :
       {"epoll-et", "epoll-lt", "poll", "select", "nonblocking", "io-uring"}) {
    goals.push_back({fmt::format("{}: pipelined", model),
                     {"pipelined-1c", "pipelined-64c"},
                     against_bare(model),
                     Metric::cpu,
                     1.03,
                     false,
                     true});
  }
  for (const char* model : {"epoll-et", "epoll-lt", "io-uring"}) {
    goals.push_back({fmt::format("{}: 16 KiB messages", model),
                     {"16KiB-1c", "16KiB-64c"},
                     against_bare(model),
                     Metric::cpu,
                     1.03});
    goals.push_back({fmt::format("{}: 256 KiB messages", model),
                     {"256KiB-1c", "256KiB-16c"},
                     against_bare(model),
                     Metric::cpu,
                     0.90});
  }
}

void add_goals_of_rates(std::vector<Goal>& goals) {
  goals.push_back(
      {"epoll-et at 20,000/s", {"rate-20000"}, against_bare("epoll-et"), Metric::cpu, 1.03});
  goals.push_back({"io-uring at 20,000/s against bare epoll edge",
                   {"rate-20000"},
                   {{"weir:io-uring"}, bare_edge},
                   Metric::cpu,
                   1.05});
  goals.push_back({"io-uring at 20,000/s: p99 against bare epoll edge",
                   {"rate-20000"},
                   {{"weir:io-uring"}, bare_edge},
                   Metric::p99,
                   1.00});
  goals.push_back({"io-uring at 20,000/s: p99 of a turn against bare epoll edge",
                   {"rate-20000"},
                   {{"weir:io-uring"}, bare_edge},
                   Metric::turn_p99,
                   1.00});
  for (const char* model : {"epoll-et", "io-uring"}) {
    const Contest contest{{std::string("weir:") + model}, bare_edge};
    for (const auto& [name, metric, limit] : {std::tuple{"p99", Metric::p99, 1.10},
                                              {"p99 of a turn", Metric::turn_p99, 1.10},
                                              {"p99.9", Metric::p999, 1.25},
                                              {"p99.9 of a turn", Metric::turn_p999, 1.25}}) {
      goals.push_back({fmt::format("{}: {} at half of the highest rate", model, name),
                       {"half-rate"},
                       contest,
                       metric,
                       limit});
    }
  }
}

void add_other_goals(std::vector<Goal>& goals) {
  for (const int idle : {10'000, 19'000}) {
    const std::vector<std::string> cells = {fmt::format("idle-{}", idle)};
    for (const char* model : {"epoll-et", "epoll-lt", "io-uring"}) {
      const std::string subject = std::string("weir:") + model;
      goals.push_back({fmt::format("{}: {} idle against none", model, idle),
                       cells,
                       {{subject, idle}, {subject}},
                       Metric::cpu,
                       1.03});
    }
    for (const char* model : {"poll", "nonblocking"}) {
      const std::string weir = std::string("weir:") + model, bare = std::string("bare:") + model;
      goals.push_back({fmt::format("{}: growth with {} idle", model, idle),
                       cells,
                       {{weir, idle}, {weir}},
                       Metric::cpu,
                       1.00,
                       false,
                       false,
                       Contest{{bare, idle}, {bare}}});
    }
  }
  for (const char* model : {"epoll-et", "epoll-lt", "poll", "io-uring"}) {
    goals.push_back({fmt::format("{}: spin_before_sleep, one connection", model),
                     {"spin"},
                     {{fmt::format("weir:{}+spin", model)}, {fmt::format("weir:{}", model)}},
                     Metric::requests_per_second,
                     3.0,
                     true});
  }
}

void add_goals_of_lives(std::vector<Goal>& goals) {
  for (const char* model :
       {"epoll-et", "epoll-lt", "poll", "select", "nonblocking", "io-uring"}) {
    goals.push_back({fmt::format("{}: short connections", model),
                     {"churn"},
                     against_bare(model),
                     Metric::cpu,
                     1.03});
  }
  for (const char* model : {"iterative", "fork", "threads"}) {
    goals.push_back({fmt::format("{}: short connections", model),
                     {"churn"},
                     against_bare(model),
                     Metric::cpu,
                     1.05});
  }
  for (const char* model : {"epoll-et", "epoll-lt", "io-uring"}) {
    goals.push_back({fmt::format("{}: proxy", model),
                     {"proxy-64B-1c", "proxy-64B-64c", "proxy-16KiB-16c"},
                     {{fmt::format("weir:{}-proxy", model)}, {"bare:proxy"}},
                     Metric::cpu,
                     1.10});
  }
}

}  // namespace

std::vector<Goal> all_goals() {
  std::vector<Goal> goals;
  add_echo_goals(goals);
  add_goals_of_rates(goals);
  add_other_goals(goals);
  add_goals_of_lives(goals);
  return goals;
}

}  // namespace bench
