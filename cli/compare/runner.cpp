#include "cli/compare/runner.h"

#include <algorithm>
#include <ctime>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "cli/random.h"

namespace weir::cli {
namespace {

class Runner {
 public:
  Runner(Comparison& comparison, Trials& trials, const Conditions& conditions,
         const RunnerOptions& options)
      : comparison_(comparison),
        trials_(trials),
        conditions_(conditions),
        options_(options),
        random_(options.seed),
        began_(std::time(nullptr)) {}

  void run() {
    set_up_rows();
    check_all();
    for (unsigned repeat = 0; repeat < options_.repeats; ++repeat) {
      if (repeat > 0 && out_of_time(repeat)) break;
      for (CellResult& cell : comparison_.cells) run_cell(cell);
      comparison_.repeats = repeat + 1;
    }
    for (std::size_t i = 0; i < comparison_.subjects.size(); ++i) {
      comparison_.checks[i].clients = trials_.clients(comparison_.subjects[i].name);
      comparison_.checks[i].requests = trials_.requests(comparison_.subjects[i].name);
    }
  }

 private:
  void set_up_rows() {
    for (CellResult& cell : comparison_.cells) {
      for (std::size_t i = 0; i < comparison_.subjects.size(); ++i) {
        const Subject& subject = comparison_.subjects[i];
        Row& row = cell.rows.emplace_back();
        row.subject = i;
        row.unavailable = beyond(subject, cell.cell, conditions_);
        if (row.unavailable.empty()) all_ += options_.repeats;
      }
    }
    all_ += comparison_.subjects.size();
  }

  void check_all() {
    for (const Subject& subject : comparison_.subjects) {
      say("checking " + subject.name);
      Check check;
      const Availability here = subject.model.empty() ? Availability{true, ""}
                                                      : availability(*model_named(subject.model));
      if (here.available) {
        check = trials_.check(subject, options_.seed);
      } else {
        check.fault = "not available here: " + here.reason;
      }
      comparison_.checks.push_back(std::move(check));
    }
    for (CellResult& cell : comparison_.cells) {
      for (Row& row : cell.rows) {
        const Check& check = comparison_.checks[row.subject];
        if (!check.right) row.unavailable = check.fault;
      }
    }
  }

  // A B C, A B C, ...: what drifts in the machine meets all of them; the order is drawn anew, so
  // that nobody always follows the same one.
  void run_cell(CellResult& cell) {
    std::vector<std::size_t> order(cell.rows.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random_.below(i)]);
    }
    for (const std::size_t index : order) run_row(cell, cell.rows[index]);
  }

  void run_row(const CellResult& cell, Row& row) {
    const Subject& subject = comparison_.subjects[row.subject];
    if (!row.unavailable.empty()) return;
    if (options_.budget_s > 0 && passed() > options_.budget_s) {
      if (row.samples.empty()) row.unavailable = "not measured in the time that was given";
      return;
    }
    say(fmt::format("{}: {}", subject.name, describe(cell.cell)));
    try {
      row.samples.push_back(trials_.run(subject, cell.cell, random_.next() >> 1));
    } catch (const ChildError& error) {
      row.unavailable = error.what();
      row.samples.clear();
    }
  }

  bool out_of_time(unsigned done) {
    if (options_.budget_s == 0) return false;
    if (passed() * (done + 1) / done <= options_.budget_s) return false;
    comparison_.notes.push_back(fmt::format(
        "{} of {} repeats were made in the time that was given", done, options_.repeats));
    return true;
  }

  double passed() const { return static_cast<double>(std::time(nullptr) - began_); }

  void say(const std::string& what) {
    if (options_.progress) options_.progress(what, done_, all_);
    ++done_;
  }

  Comparison& comparison_;
  Trials& trials_;
  const Conditions& conditions_;
  const RunnerOptions& options_;
  Random random_;
  std::time_t began_;
  std::size_t done_ = 0;
  std::size_t all_ = 0;
};

void add_once(std::vector<Cell>& cells, const Cell& cell) {
  if (std::ranges::find(cells, cell) == cells.end()) cells.push_back(cell);
}

}  // namespace

void run_all(Comparison& comparison, Trials& trials, const Conditions& conditions,
             const RunnerOptions& options) {
  Runner(comparison, trials, conditions, options).run();
}

std::vector<Cell> star_of(const Lists& lists) {
  auto connections = lists.connections;
  std::ranges::sort(connections);
  const Cell base{connections[connections.size() / 2], std::ranges::min(lists.idle),
                  std::ranges::min(lists.message), std::ranges::min(lists.pipeline)};
  std::vector<Cell> cells{base};
  const auto with = [&](auto Cell::* member, auto value) {
    Cell cell = base;
    cell.*member = value;
    add_once(cells, cell);
  };
  for (const unsigned each : lists.connections) with(&Cell::connections, each);
  for (const std::size_t each : lists.message) with(&Cell::message, each);
  for (const unsigned each : lists.pipeline) with(&Cell::pipeline, each);
  // With few clients that talk, what the silent ones cost is seen undiluted.
  Cell quiet = base;
  quiet.connections = connections.front();
  for (const unsigned each : lists.idle) {
    quiet.idle = each;
    if (lists.idle.size() > 1) add_once(cells, quiet);
  }
  return cells;
}

std::vector<Cell> product_of(const Lists& lists) {
  std::vector<Cell> cells;
  for (const unsigned connections : lists.connections) {
    for (const unsigned idle : lists.idle) {
      for (const std::size_t message : lists.message) {
        for (const unsigned pipeline : lists.pipeline) {
          add_once(cells, {connections, idle, message, pipeline});
        }
      }
    }
  }
  return cells;
}

}  // namespace weir::cli
