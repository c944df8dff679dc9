#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace bench {
namespace {

std::string interval(const Estimate& estimate) {
  return fmt::format("{:7.3f}  [{:.3f}, {:.3f}]", estimate.median, estimate.low, estimate.high);
}

bool is_open_loop(const Cell& cell) {
  return cell.load == Load::open_loop || cell.load == Load::half_of_highest;
}

std::string tail_columns(const ContestResult& contest, const Figures& figures) {
  const auto ratio = [&](Metric metric) {
    const auto found = contest.estimates.find(metric);
    return found == contest.estimates.end() ? 0.0 : found->second.median;
  };
  return fmt::format("  p50 {:6.1f} us x{:.2f}  p99 {:7.1f} us x{:.2f}  p99.9 {:7.1f} us x{:.2f}",
                     figures.p50_us, ratio(Metric::p50), figures.p99_us, ratio(Metric::p99),
                     figures.p999_us, ratio(Metric::p999));
}

const ContestResult* find(const CellResult& cell, const Contest& wanted) {
  for (const ContestResult& result : cell.contests) {
    if (result.contest.subject == wanted.subject &&
        result.contest.reference == wanted.reference) {
      return &result;
    }
  }
  return nullptr;
}

using ByName = std::map<std::string, const CellResult*>;

/// The ratios of a contest in all of a goal's cells; empty when one is missing.
std::vector<Estimate> collect(const Goal& goal, const Contest& contest, const ByName& cells) {
  std::vector<Estimate> ratios;
  for (const std::string& name : goal.cells) {
    const auto cell = cells.find(name);
    if (cell == cells.end()) return {};
    const ContestResult* result = find(*cell->second, contest);
    if (!result) return {};
    const auto estimate = result->estimates.find(goal.metric);
    if (estimate == result->estimates.end() || estimate->second.samples == 0) return {};
    ratios.push_back(estimate->second);
  }
  return ratios;
}

/// Weir's CPU a request as a ratio to the common baseline: its own mechanism's bare program may be
/// dearer or cheaper than that.
double against_baseline(const GoalResult& result, const ByName& cells) {
  const Entry baseline{"bare:epoll-et"};
  const Contest& contest = result.goal.contest;
  if (contest.reference == baseline) return result.value->median;
  const auto bare = collect(result.goal, {contest.reference, baseline}, cells);
  return bare.empty() ? 0 : result.value->median * geometric_mean(bare).median;
}

void compare_with_peers(GoalResult& result, const ByName& cells) {
  const double own = against_baseline(result, cells);
  if (own <= 0) return;
  for (const char* peer : {"asio-callbacks", "asio-coroutines", "libuv", "libevent", "libev"}) {
    const auto ratios = collect(result.goal, {{peer}, {"bare:epoll-et"}}, cells);
    if (ratios.empty()) continue;
    const double margin = geometric_mean(ratios).median / own;
    if (result.best_peer.empty() || margin < result.peer_margin) {
      result.best_peer = peer;
      result.peer_margin = margin;
    }
  }
}

}  // namespace

void print(const CellResult& result) {
  fmt::print("\n{}: {}\n", result.cell.name, result.cell.title);
  if (is_open_loop(result.cell)) fmt::print("offered: {:.0f} requests/s\n", result.rate);
  fmt::print("  {:<28} {:<22} {:<26} {:>9} {:>11}\n", "subject", "against",
             "server CPU a request, ratio", "us", "requests/s");
  for (const ContestResult& contest : result.contests) {
    const Figures& figures = result.figures.at(contest.contest.subject);
    fmt::print("  {:<28} {:<22} {:<26} {:>9.2f} {:>11.0f}{}\n", contest.contest.subject.label(),
               contest.contest.reference.label(), interval(contest.estimates.at(Metric::cpu)),
               figures.cpu_us, figures.requests_per_second,
               is_open_loop(result.cell) ? tail_columns(contest, figures) : "");
  }
  std::fflush(stdout);
}

bool GoalResult::met() const {
  if (!value) return false;
  if (goal.below_peers && !best_peer.empty() && peer_margin <= 1) return false;
  return goal.at_least ? value->median >= goal.limit : value->median <= goal.limit;
}

std::vector<GoalResult> judge(const std::vector<Goal>& goals,
                              const std::vector<CellResult>& results) {
  ByName cells;
  for (const CellResult& result : results) cells[result.cell.name] = &result;
  std::vector<GoalResult> judged;
  for (const Goal& goal : goals) {
    if (std::none_of(goal.cells.begin(), goal.cells.end(),
                     [&](const std::string& name) { return cells.count(name) > 0; })) {
      continue;
    }
    GoalResult& result = judged.emplace_back();
    result.goal = goal;
    const auto ratios = collect(goal, goal.contest, cells);
    if (ratios.empty()) continue;
    result.value = geometric_mean(ratios);
    if (goal.below_peers) compare_with_peers(result, cells);
  }
  return judged;
}

void print(const std::vector<GoalResult>& goals) {
  if (goals.empty()) return;
  fmt::print("\nGoals (geometric mean over the cells; 95 % interval)\n");
  for (const GoalResult& result : goals) {
    const Goal& goal = result.goal;
    const std::string limit =
        fmt::format("{} {:.2f}", goal.at_least ? "at least" : "at most", goal.limit);
    if (!result.value) {
      fmt::print("  {:<52} {:<14} not measured\n", goal.title, limit);
      continue;
    }
    const bool open = result.value->low <= goal.limit && goal.limit <= result.value->high;
    fmt::print("  {:<52} {:<14} {}  {}{}", goal.title, limit, interval(*result.value),
               result.met() ? "met" : "MISSED", open ? " (interval spans the goal)" : "");
    if (!result.best_peer.empty()) {
      fmt::print("; the best peer, {}, uses {:.2f} times as much", result.best_peer,
                 result.peer_margin);
    }
    fmt::print("\n");
  }
}

}  // namespace bench
