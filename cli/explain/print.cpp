#include "cli/explain/print.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "cli/text.h"

namespace weir::cli {
namespace {

std::string recipe(const ModelInfo& info) {
  std::string text = "Recipe\n";
  for (std::size_t i = 0; i < info.recipe.size(); ++i) {
    text += fmt::format("  {:>6}  {}\n", i + 1, info.recipe[i].text);
  }
  for (const SharedStep& step : shared_steps()) {
    text += fmt::format("  {:>6}  {}\n", step.name, step.text);
  }
  return text;
}

constexpr std::string_view legend =
    "L: the listening socket. A, B: the clients. W: what ends a sleep. E: the epoll object.\n";

std::size_t widest_call(const Timeline& timeline) {
  std::size_t width = 0;
  for (const Scene& scene : timeline.scenes) {
    for (const Line& line : scene.lines) width = std::max(width, line.call.size());
  }
  return std::min<std::size_t>(width, 60);
}

std::string one_line(const Line& line) {
  return line.outcome.empty() ? fmt::format("{:>6}  {}", line.step, line.call)
                              : fmt::format("{:>6}  {} = {}", line.step, line.call, line.outcome);
}

std::string name_of(const Line& line) { return line.call.substr(0, line.call.find('(')); }

bool same_text(const Line& a, const Line& b) {
  return a.call == b.call && a.outcome == b.outcome;
}

char mark(const Line* a, const Line* b) {
  if (a == nullptr) return '>';
  if (b == nullptr) return '<';
  return same_text(*a, *b) ? ' ' : '|';
}

/// Which lines of two scenes stand beside each other: the longest common subsequence.
using Pair = std::pair<const Line*, const Line*>;
std::vector<Pair> side_by_side(const Scene& left, const Scene& right) {
  const auto& a = left.lines;
  const auto& b = right.lines;
  const auto same = [&](std::size_t i, std::size_t j) { return same_text(a[i], b[j]); };
  std::vector<std::vector<std::size_t>> length(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      length[i][j] =
          same(i, j) ? length[i + 1][j + 1] + 1 : std::max(length[i + 1][j], length[i][j + 1]);
    }
  }
  std::vector<Pair> pairs;
  std::size_t i = 0, j = 0;
  // Neither is the other's, but both make the same call: told beside each other all the same.
  const auto like = [&] {
    return i < a.size() && j < b.size() && name_of(a[i]) == name_of(b[j]);
  };
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && same(i, j)) {
      pairs.emplace_back(&a[i++], &b[j++]);
    } else if (like() && length[i + 1][j + 1] == length[i][j]) {
      pairs.emplace_back(&a[i++], &b[j++]);
    } else if (j == b.size() || (i < a.size() && length[i + 1][j] >= length[i][j + 1])) {
      pairs.emplace_back(&a[i++], nullptr);
    } else {
      pairs.emplace_back(nullptr, &b[j++]);
    }
  }
  return pairs;
}

using Counts = std::map<std::string, std::size_t>;
Counts counted(const Timeline& timeline) {
  Counts counts;
  for (const Scene& scene : timeline.scenes) {
    for (const Line& line : scene.lines) ++counts[name_of(line)];
  }
  return counts;
}

std::string difference(const Timeline& left, const Timeline& right) {
  Counts a = counted(left), b = counted(right);
  for (const auto& [name, count] : a) b.try_emplace(name, 0);
  for (const auto& [name, count] : b) a.try_emplace(name, 0);
  std::string text = fmt::format("\nThe difference, in calls\n  {:<18}{:>12}{:>12}\n", "",
                                 left.info.name, right.info.name);
  std::size_t sum_a = 0, sum_b = 0;
  for (const auto& [name, count] : a) {
    sum_a += count;
    sum_b += b[name];
    if (count != b[name]) text += fmt::format("  {:<18}{:>12}{:>12}\n", name, count, b[name]);
  }
  return text + fmt::format("  {:<18}{:>12}{:>12}\n", "all", sum_a, sum_b);
}

}  // namespace

std::string to_text(const Timeline& timeline, bool times) {
  std::string text = fmt::format("{}: {}\n\n{}\n{}", timeline.info.name, timeline.info.summary,
                                 recipe(timeline.info), legend);
  const std::size_t width = widest_call(timeline);
  for (const Scene& scene : timeline.scenes) {
    text += fmt::format("\n-- {}\n", scene.title);
    if (scene.lines.empty()) text += fmt::format("  {:>6}  {}\n", "", no_call);
    for (const Line& line : scene.lines) {
      if (times) {
        text += fmt::format("{:>9} {:>8}  ", duration_text(line.begin), duration_text(line.took));
      }
      if (timeline.several_lanes) text += fmt::format("  {:<6}", line.lane);
      text += fmt::format("  {:>6}  {:<{}}", line.step, line.call, width);
      if (!line.outcome.empty()) text += fmt::format("  = {}", line.outcome);
      while (text.back() == ' ') text.pop_back();
      text += '\n';
    }
  }
  return text;
}

std::string to_text(const Timeline& left, const Timeline& right) {
  std::size_t width = 0;
  for (const Scene& scene : left.scenes) {
    for (const Line& line : scene.lines) width = std::max(width, one_line(line).size());
  }
  std::string text;
  for (const Timeline* each : {&left, &right}) {
    text += fmt::format("{}: {}\n{}\n", each->info.name, each->info.summary, recipe(each->info));
  }
  text += legend;
  text += fmt::format("\n     {:<{}}   {}\n", left.info.name, width, right.info.name);
  const std::size_t scenes = std::min(left.scenes.size(), right.scenes.size());
  for (std::size_t i = 0; i < scenes; ++i) {
    const std::string& other = right.scenes[i].title;
    text += fmt::format("\n-- {}{}\n", left.scenes[i].title,
                        other == left.scenes[i].title ? "" : " | " + other);
    for (const auto& [a, b] : side_by_side(left.scenes[i], right.scenes[i])) {
      text += fmt::format("  {}  {:<{}}   {}", mark(a, b), a == nullptr ? "" : one_line(*a),
                          width, b == nullptr ? "" : one_line(*b));
      while (text.back() == ' ') text.pop_back();
      text += '\n';
    }
  }
  return text + difference(left, right);
}

}  // namespace weir::cli
