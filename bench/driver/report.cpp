#include "report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bench {
namespace {

std::string interval(const Estimate& estimate) {
  if (!estimate.has_interval()) return fmt::format("{:.3f}", estimate.median);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", estimate.median, estimate.low, estimate.high);
}

bool is_open_loop(const Cell& cell) {
  return cell.load == Load::open_loop || cell.load == Load::half_of_highest;
}

std::string tail_columns(const ContestResult& contest, const Figures& figures) {
  const auto ratio = [&](Metric metric) {
    const auto found = contest.estimates.find(metric);
    return found == contest.estimates.end() ? 0.0 : found->second.median;
  };
  return fmt::format(
      "  p50 {:6.1f} us x{:.2f}  p99 {:7.1f} us x{:.2f}, a turn's x{:.2f}"
      "  p99.9 {:7.1f} us x{:.2f}, a turn's x{:.2f}",
      figures.p50_us, ratio(Metric::p50), figures.p99_us, ratio(Metric::p99),
      ratio(Metric::turn_p99), figures.p999_us, ratio(Metric::p999), ratio(Metric::turn_p999));
}

/// What follows a goal and its limit.
std::string sentence(const GoalResult& result) {
  if (!result.value) return "not measured";
  const Goal& goal = result.goal;
  const Estimate& value = *result.value;
  std::string text = fmt::format("{}  {}", interval(value), name_of(result.verdict()));
  if (value.has_interval() && value.low <= goal.limit && goal.limit <= value.high) {
    text += " (interval spans the goal)";
  }
  if (result.within_noise()) {
    text += fmt::format(", within the noise of A/A: {} in {}", interval(result.control->estimate),
                        result.control->cell);
  }
  if (result.growth) {
    text += fmt::format("; it grows {:.1f} times, the reference {:.1f} times",
                        result.growth->median, result.reference_growth->median);
  }
  if (!result.peers_missing.empty()) {
    text += fmt::format("; no figure of {}", fmt::join(result.peers_missing, ", "));
  }
  if (!result.best_peer.empty()) {
    text += fmt::format("; the best peer, {}, uses {:.2f} times as much", result.best_peer,
                        result.peer_margin);
  }
  return text;
}

}  // namespace

void print(const CellResult& result) {
  fmt::print("\n{}: {}\n", result.cell.name, result.cell.title);
  if (is_open_loop(result.cell)) fmt::print("offered: {:.0f} requests/s\n", result.rate);
  fmt::print("  {:<28} {:<22} {:>27} {:>9} {:>11}\n", "subject", "against",
             "server CPU a request, ratio", "us", "requests/s");
  for (const ContestResult& contest : result.contests) {
    const Figures& figures = result.figures.at(contest.contest.subject);
    fmt::print("  {:<28} {:<22} {:>27} {:>9.2f} {:>11.0f}{}\n", contest.contest.subject.label(),
               contest.contest.reference.label(), interval(contest.estimates.at(Metric::cpu)),
               figures.cpu_us, figures.requests_per_second,
               is_open_loop(result.cell) ? tail_columns(contest, figures) : "");
  }
  std::fflush(stdout);
}

void print(const std::vector<GoalResult>& goals) {
  if (goals.empty()) return;
  fmt::print("\nGoals (geometric mean over the cells; 95 % interval)\n");
  for (const GoalResult& result : goals) {
    const Goal& goal = result.goal;
    const std::string limit =
        fmt::format("{} {:.2f}", goal.at_least ? "at least" : "at most", goal.limit);
    fmt::print("  {:<52} {:<14} {}\n", goal.title, limit, sentence(result));
  }
}

}  // namespace bench
