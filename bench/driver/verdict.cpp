#include "verdict.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace bench {
namespace {

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
  for (const std::string& peer : peer_names()) {
    const auto ratios = collect(result.goal, {{peer}, {"bare:epoll-et"}}, cells);
    if (own <= 0 || ratios.empty()) {
      result.peers_missing.push_back(peer);
      continue;
    }
    const double margin = geometric_mean(ratios).median / own;
    if (result.best_peer.empty() || margin < result.peer_margin) {
      result.best_peer = peer;
      result.peer_margin = margin;
    }
  }
}

void compare_growth(GoalResult& result, const ByName& cells) {
  const auto reference = collect(result.goal, *result.goal.divided_by, cells);
  result.growth = std::exchange(result.value, std::nullopt);
  if (reference.empty()) return;
  result.reference_growth = geometric_mean(reference);
  result.value = quotient(*result.growth, *result.reference_growth);
}

/// How far a ratio is from another, whichever is larger.
double distance(double ratio, double other) { return std::abs(std::log(ratio / other)); }

void look_at_control(GoalResult& result, const ByName& cells) {
  const Contest control{{"A/A"}, {"bare:epoll-et"}};
  for (const std::string& name : result.goal.cells) {
    Goal here = result.goal;
    here.cells = {name};
    const auto ratios = collect(here, control, cells);
    if (ratios.empty()) continue;
    if (result.control &&
        distance(result.control->estimate.median, 1) >= distance(ratios[0].median, 1)) {
      continue;
    }
    result.control = Control{name, ratios[0]};
  }
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::met: return "met";
    case Verdict::missed: return "MISSED";
    case Verdict::not_measured: return "not measured";
  }
  return "";
}

Verdict GoalResult::verdict() const {
  if (!value) return Verdict::not_measured;
  const bool reached = goal.at_least ? value->median >= goal.limit : value->median <= goal.limit;
  if (!reached) return Verdict::missed;
  if (!goal.below_peers) return Verdict::met;
  if (!best_peer.empty() && peer_margin <= 1) return Verdict::missed;
  return peers_missing.empty() ? Verdict::met : Verdict::not_measured;
}

bool GoalResult::within_noise() const {
  return value && control &&
         distance(control->estimate.median, 1) > distance(value->median, goal.limit);
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
    look_at_control(result, cells);
    if (goal.divided_by) compare_growth(result, cells);
    if (goal.below_peers) compare_with_peers(result, cells);
  }
  return judged;
}

}  // namespace bench
