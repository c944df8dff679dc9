#include "panel.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <utility>

#include "instance.h"

namespace bench {
namespace {

/// Connections that the driver may hold at once, well below the usual hard limit of 20,000.
constexpr int connections_at_once = 18'000;

constexpr std::pair<Metric, double> latency_metrics[] = {
    {Metric::p50, 0.50}, {Metric::p99, 0.99}, {Metric::p999, 0.999}};

/// The contests with one reference: they need it up, and take turns after it.
using Group = std::vector<std::size_t>;  // Indices into the cell's contests.

std::vector<Group> group_by_reference(const Cell& cell) {
  std::map<Entry, Group> groups;
  for (std::size_t i = 0; i < cell.contests.size(); ++i) {
    groups[cell.contests[i].reference].push_back(i);
  }
  std::vector<Group> result;
  for (auto& [reference, group] : groups) result.push_back(std::move(group));
  return result;
}

int connections_of(const Cell& cell, const std::vector<Group>& groups) {
  std::set<Entry> entries;
  for (const Group& group : groups) {
    for (const std::size_t index : group) {
      entries.insert(cell.contests[index].subject);
      entries.insert(cell.contests[index].reference);
    }
  }
  return static_cast<int>(entries.size()) * cell.connections;
}

/// An entry with many idle connections is heavy on memory and on the kernel's tables, and takes
/// seconds to start.
bool is_heavy(const Group& group, const Cell& cell) {
  return std::any_of(group.begin(), group.end(),
                     [&](std::size_t index) { return cell.contests[index].subject.idle > 0; });
}

/// Groups that are up together; each heavy one is a panel of its own.
std::vector<std::vector<Group>> split_into_panels(const Cell& cell) {
  std::vector<std::vector<Group>> panels;
  for (Group& group : group_by_reference(cell)) {
    if (!panels.empty() && !is_heavy(group, cell)) {
      panels.back().push_back(group);
      if (connections_of(cell, panels.back()) <= connections_at_once) continue;
      panels.back().pop_back();
    }
    panels.push_back({group});
  }
  return panels;
}

class Panel {
 public:
  Panel(const Cell& cell, std::vector<Group> groups, const Schedule& schedule, CellResult& result)
      : cell_(cell),
        groups_(std::move(groups)),
        schedule_(schedule),
        result_(result),
        random_(schedule.seed) {}

  void run() {
    const int rounds = schedule_.rounds * cell_.more_rounds;
    const int generations =
        is_heavy(groups_[0], cell_) ? 1 : std::min(schedule_.generations, rounds);
    for (int begin = 0; begin < rounds;) {
      ++generation_;
      const int end = rounds * generation_ / generations;
      live(end - begin);
      begin = end;
    }
    summarise();
  }

 private:
  /// One generation.
  void live(int rounds) {
    instances_.clear();
    for (const Group& group : groups_) {
      for (const std::size_t index : group) {
        start(cell_.contests[index].reference);
        start(cell_.contests[index].subject);
      }
    }
    for (auto& [entry, instance] : instances_) instance->connect();
    find_rate();
    for (auto& [entry, instance] : instances_) instance->turn(result_.rate);  // Warms up.
    for (int round = 0; round < rounds; ++round) {
      std::shuffle(groups_.begin(), groups_.end(), random_);
      for (Group& group : groups_) take_turns(group);
    }
  }

  void start(const Entry& entry) {
    auto& instance = instances_[entry];
    if (!instance) instance = std::make_unique<Instance>(entry, cell_, schedule_);
  }

  void find_rate() {
    if (cell_.load == Load::open_loop) result_.rate = cell_.rate;
    if (cell_.load != Load::half_of_highest || result_.rate > 0) return;
    result_.rate = instances_.at(cell_.contests[groups_[0][0]].reference)->highest_rate() / 2;
  }

  void take_turns(Group& group) {
    std::shuffle(group.begin(), group.end(), random_);
    std::size_t reference = 0;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const Contest& contest = cell_.contests[group[i]];
      if (i % static_cast<std::size_t>(schedule_.subjects_per_reference) == 0) {
        reference = take_turn(contest.reference);
      }
      compare(group[i], take_turn(contest.subject), reference);
    }
  }

  /// Returns which of the entry's readings it is.
  std::size_t take_turn(const Entry& entry) {
    std::vector<Reading>& readings = readings_[entry];
    readings.push_back(instances_.at(entry)->turn(result_.rate));
    return readings.size() - 1;
  }

  void compare(std::size_t contest, std::size_t subject_turn, std::size_t reference_turn) {
    ContestResult& result = result_.contests[contest];
    const Reading& subject = readings_.at(result.contest.subject)[subject_turn];
    const Reading& reference = readings_.at(result.contest.reference)[reference_turn];
    for (const Metric metric :
         {Metric::cpu, Metric::requests_per_second, Metric::turn_p99, Metric::turn_p999}) {
      const double base = reference.value(metric);
      if (base <= 0) continue;
      auto& ratios = result.ratios[metric];
      ratios.resize(static_cast<std::size_t>(generation_));
      ratios.back().push_back(subject.value(metric) / base);
    }
    pairs_[contest].emplace_back(subject_turn, reference_turn);
  }

  PooledLatencies pool(const Entry& entry, const std::vector<std::size_t>& turns) const {
    std::vector<std::vector<std::uint32_t>> latencies;
    for (const std::size_t turn : turns) {
      latencies.push_back(readings_.at(entry)[turn].latencies_ns);
    }
    return PooledLatencies(latencies);
  }

  void compare_latencies(std::size_t contest) {
    ContestResult& result = result_.contests[contest];
    std::vector<std::size_t> subject_turns, reference_turns;
    for (const auto& [subject, reference] : pairs_[contest]) {
      subject_turns.push_back(subject);
      reference_turns.push_back(reference);
    }
    const PooledLatencies subject = pool(result.contest.subject, subject_turns);
    const PooledLatencies reference = pool(result.contest.reference, reference_turns);
    for (const auto& [metric, part] : latency_metrics) {
      const Estimate ratio = pooled_ratio(subject, reference, part);
      if (ratio.samples > 0) result.estimates[metric] = ratio;
    }
  }

  double middle(const Entry& entry, Metric metric) {
    std::vector<double> values;
    for (const Reading& reading : readings_[entry]) values.push_back(reading.value(metric));
    return estimate(values).median;
  }

  void summarise() {
    for (const auto& [entry, instance] : instances_) {
      std::vector<std::size_t> turns(readings_[entry].size());
      std::iota(turns.begin(), turns.end(), std::size_t{0});
      const PooledLatencies all = pool(entry, turns);
      result_.figures[entry] = {entry,
                                middle(entry, Metric::cpu) / 1e3,
                                middle(entry, Metric::requests_per_second),
                                all.percentile(0.50) / 1e3,
                                all.percentile(0.99) / 1e3,
                                all.percentile(0.999) / 1e3};
    }
    for (const auto& [contest, pairs] : pairs_) compare_latencies(contest);
  }

  const Cell& cell_;
  std::vector<Group> groups_;
  const Schedule& schedule_;
  CellResult& result_;
  std::mt19937_64 random_;
  int generation_ = 0;  // The first is 1.
  std::map<Entry, std::unique_ptr<Instance>> instances_;
  std::map<Entry, std::vector<Reading>> readings_;
  // By contest: which turn of the subject goes with which of the reference.
  std::map<std::size_t, std::vector<std::pair<std::size_t, std::size_t>>> pairs_;
};

}  // namespace

CellResult run_cell(const Cell& cell, const Schedule& schedule) {
  CellResult result;
  result.cell = cell;
  for (const Contest& contest : cell.contests) result.contests.push_back({contest, {}, {}});
  for (std::vector<Group>& groups : split_into_panels(cell)) {
    Panel(cell, std::move(groups), schedule, result).run();
  }
  for (ContestResult& contest : result.contests) {
    for (const auto& [metric, ratios] : contest.ratios) {
      contest.estimates[metric] = estimate_of_groups(ratios);
    }
  }
  return result;
}

}  // namespace bench
