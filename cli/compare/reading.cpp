#include "cli/compare/reading.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/compare/statistics.h"
#include "cli/text.h"

namespace weir::cli {
namespace {

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

class Reader {
 public:
  explicit Reader(const Comparison& comparison) : comparison_(comparison) {}

  std::vector<std::string> read() {
    say_noise();
    if (!comparison_.cells.empty()) say_cpu(comparison_.cells.front());
    say_idle();
    say_slopes();
    say_fastest();
    say_limits();
    return std::move(sentences_);
  }

 private:
  const std::string& reference() const {
    return comparison_.subjects[comparison_.reference].name;
  }
  bool counts(const Row& row) const {
    const Subject& subject = comparison_.subjects[row.subject];
    return !row.samples.empty() && !subject.again && row.subject != comparison_.reference;
  }

  void say_noise() {
    if (comparison_.cells.empty()) return;
    const Noise here = noise(comparison_.cells.front(), comparison_, Metric::cpu_us);
    if (!here.known) {
      sentences_.push_back(
          "There is no measure of the noise, so nothing is said about differences.");
      return;
    }
    sentences_.push_back(fmt::format(
        "Noise: {} measured against itself differs by up to {:.0f} % in CPU a request; smaller "
        "differences than that are not counted as such.",
        reference(), 100 * (here.factor - 1)));
  }

  // Who costs more and who less than the reference, in one cell.
  void say_cpu(const CellResult& cell) {
    const Noise here = noise(cell, comparison_, Metric::cpu_us);
    std::vector<std::string> dearer, cheaper, same;
    for (const Row& row : cell.rows) {
      if (!counts(row)) continue;
      const Summary times = ratio(row, cell.rows[comparison_.reference], Metric::cpu_us);
      if (!times.known || !here.known) continue;
      const std::string& name = comparison_.subjects[row.subject].name;
      if (!differs(times, here)) {
        same.push_back(name);
      } else {
        (times.median > 1 ? dearer : cheaper)
            .push_back(fmt::format("{} {:.2f} times", name, times.median));
      }
    }
    std::vector<std::string> parts;
    if (!dearer.empty()) parts.push_back("more: " + list_of(dearer));
    if (!cheaper.empty()) parts.push_back("less: " + list_of(cheaper));
    if (!same.empty()) parts.push_back("the same within the noise: " + list_of(same));
    if (parts.empty()) return;
    std::string text =
        fmt::format("With {}, against {}'s CPU a request: ", describe(cell.cell), reference());
    for (std::size_t i = 0; i < parts.size(); ++i) text += (i > 0 ? "; " : "") + parts[i];
    sentences_.push_back(text + ".");
  }

  void say_idle() {
    const auto cells = idle_cells(comparison_);
    if (cells.empty()) return;
    const CellResult& most = *cells.back();
    const Noise here = noise(most, comparison_, Metric::cpu_us);
    for (const Row& row : most.rows) {
      if (!counts(row)) continue;
      const Summary times = ratio(row, most.rows[comparison_.reference], Metric::cpu_us);
      if (!differs(times, here) || times.median < 1.5) continue;
      sentences_.push_back(fmt::format(
          "On this machine, with {} idle clients, {} costs {:.1f} times the CPU that {} costs a "
          "request.",
          with_commas(most.cell.idle), comparison_.subjects[row.subject].name, times.median,
          reference()));
    }
  }

  // Growth is told of those who certainly grew, beyond the noise of both ends; and that there is
  // none of those whose worst run with many clients is near their best one with few.
  void say_slopes() {
    const auto cells = idle_cells(comparison_);
    if (cells.size() < 2) return;
    const Noise few = noise(*cells.front(), comparison_, Metric::cpu_us);
    const Noise many = noise(*cells.back(), comparison_, Metric::cpu_us);
    if (!few.known || !many.known) return;
    std::vector<std::string> grow, level;
    double most = 1;
    for (std::size_t i = 0; i < comparison_.subjects.size(); ++i) {
      const auto points = cpu_against_clients(comparison_, i);
      const Fit fit = power_fit(points);
      if (comparison_.subjects[i].again || !fit.known || points.size() < cells.size()) continue;
      const Summary before = summary(cells.front()->rows[i], Metric::cpu_us);
      const Summary after = summary(cells.back()->rows[i], Metric::cpu_us);
      const std::string& name = comparison_.subjects[i].name;
      if (after.min > before.max * few.factor * many.factor) {
        grow.push_back(fmt::format("{} (slope {:.2f})", name, fit.slope));
      } else if (after.max < before.min * 1.5) {
        level.push_back(name);
        most = std::max(most, after.max / before.min);
      }
    }
    say_growth(grow, level, most, *cells.front(), *cells.back());
  }

  void say_growth(const std::vector<std::string>& grow, const std::vector<std::string>& level,
                  double most, const CellResult& few, const CellResult& many) {
    if (!grow.empty()) {
      sentences_.push_back(
          fmt::format("The CPU of a request grows with the clients that are merely connected on "
                      "{}; slope 1 would be in proportion to them.",
                      list_of(grow)));
    }
    if (level.empty()) return;
    sentences_.push_back(fmt::format("From {} to {} clients it grows by at most {:.0f} % on {}.",
                                     with_commas(few.cell.idle + few.cell.connections),
                                     with_commas(many.cell.idle + many.cell.connections),
                                     100 * (most - 1), list_of(level)));
  }

  void say_fastest() {
    if (comparison_.cells.empty()) return;
    const CellResult& cell = comparison_.cells.front();
    const Noise here = noise(cell, comparison_, Metric::requests_per_s);
    const Row* best = nullptr;
    for (const Row& row : cell.rows) {
      if (!counts(row) || generator_bound(row, comparison_)) continue;
      const Summary times = ratio(row, cell.rows[comparison_.reference], Metric::requests_per_s);
      if (!differs(times, here) || times.median <= 1) continue;
      const double mine = summary(row, Metric::requests_per_s).median;
      if (best == nullptr || mine > summary(*best, Metric::requests_per_s).median) best = &row;
    }
    if (best == nullptr) return;
    sentences_.push_back(capitalised(fmt::format(
        "{} answers the most requests there, {} a second; {} answers {}.",
        comparison_.subjects[best->subject].name,
        whole(summary(*best, Metric::requests_per_s).median), reference(),
        whole(summary(cell.rows[comparison_.reference], Metric::requests_per_s).median))));
  }

  void say_limits() {
    std::size_t bound = 0;
    for (const CellResult& cell : comparison_.cells) {
      for (const Row& row : cell.rows) {
        if (!row.samples.empty() && generator_bound(row, comparison_)) ++bound;
      }
    }
    if (bound == 0) return;
    sentences_.push_back(fmt::format(
        "In {} rows the generator was the bottleneck: their requests/s are a lower bound, "
        "their CPU a request holds.",
        bound));
  }

  const Comparison& comparison_;
  std::vector<std::string> sentences_;
};

std::string fault_of(const Comparison& comparison, std::size_t subject) {
  const Check& check = comparison.checks[subject];
  if (!check.right) return check.fault;
  for (const CellResult& cell : comparison.cells) {
    for (const Sample& sample : cell.rows[subject].samples) {
      if (sample.errors > 0) return sample.first_error;
    }
  }
  return "";
}

bool is_available(const Comparison& comparison, std::size_t subject) {
  return !comparison.checks[subject].fault.starts_with("not available");
}

}  // namespace

std::vector<std::string> reading(const Comparison& comparison) {
  return Reader(comparison).read();
}

std::string verdict(const Comparison& comparison, std::size_t subject) {
  const std::string fault = fault_of(comparison, subject);
  if (fault.empty()) return "every byte came back";
  return is_available(comparison, subject) ? "FAILED: " + fault : fault;
}

bool all_well(const Comparison& comparison) {
  for (std::size_t i = 0; i < comparison.subjects.size(); ++i) {
    if (is_available(comparison, i) && !fault_of(comparison, i).empty()) return false;
  }
  return true;
}

}  // namespace weir::cli
