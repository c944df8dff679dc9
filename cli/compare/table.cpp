#include "cli/compare/table.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "cli/compare/reading.h"
#include "cli/compare/statistics.h"
#include "cli/text.h"

namespace weir::cli {
namespace {

constexpr std::size_t bar_width = 16;

// Eighths of a character, so that small differences can be seen.
std::string bar(double value, double most) {
  constexpr std::string_view blocks[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double share = most > 0 ? std::clamp(value / most, 0.0, 1.0) : 0;
  const auto eighths = static_cast<std::size_t>(std::lround(share * bar_width * 8));
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
  std::size_t width = eighths / 8;
  if (eighths % 8 > 0) {
    text += blocks[eighths % 8];
    ++width;
  }
  return text + std::string(bar_width - width, ' ');
}

std::string figure(const Row& row, Metric metric, int digits) {
  const Summary known = summary(row, metric);
  return known.known ? fmt::format("{:.{}f}", known.median, digits) : "-";
}

std::string latency(const Row& row, Metric metric) {
  const Summary known = summary(row, metric);
  return known.known ? duration_text(std::llround(known.median * 1000)) : "-";
}

// "1.31" beside the reference's 1; "~" before what the noise does not allow to call different.
std::string ratio_text(const Row& row, const CellResult& cell, const Comparison& comparison) {
  if (row.subject == comparison.reference) return "1";
  const Summary known = ratio(row, cell.rows[comparison.reference], Metric::cpu_us);
  if (!known.known) return "-";
  const bool sure = differs(known, noise(cell, comparison, Metric::cpu_us));
  return fmt::format("{}{:.2f}", sure ? "" : "~", known.median);
}

std::string remarks(const Row& row, const Comparison& comparison) {
  std::string text;
  if (generator_bound(row, comparison)) text += "  the generator was the bottleneck";
  std::uint64_t errors = 0;
  for (const Sample& sample : row.samples) errors += sample.errors;
  if (errors > 0) {
    const auto bad = std::ranges::find_if(row.samples, [](const Sample& s) { return s.errors; });
    text += fmt::format("  {} errors: {}", errors, bad->first_error);
  }
  return text;
}

std::string table(const CellResult& cell, const Comparison& comparison) {
  double most = 0;
  for (const Row& row : cell.rows) {
    most = std::max(most, summary(row, Metric::requests_per_s).median);
  }
  std::string text = fmt::format("\n{}\n", describe(cell.cell));
  text +=
      fmt::format("{:<17}  {:>10}  {:<16}  {:>7}  {:>6}  {:>6}  {:>6}  {:>8}  {:>8}  {:>9}\n", "",
                  "requests/s", "", "CPU us", "ratio", "calls", "switch", "p50", "p99", "memory");
  for (const Row& row : cell.rows) {
    const Subject& subject = comparison.subjects[row.subject];
    if (!row.unavailable.empty() || row.samples.empty()) {
      text += fmt::format("{:<17}  {:>10}  {}\n", subject.name, "-", row.unavailable);
      continue;
    }
    const Summary rate = summary(row, Metric::requests_per_s);
    if (!rate.known) {
      text += fmt::format("{:<17}  {:>10}  no reply in the measured time\n", subject.name, "-");
      continue;
    }
    const Summary memory = summary(row, Metric::memory);
    text += fmt::format("{:<17}  {:>10}  {}  {:>7}  {:>6}  {:>6}  {:>6}  {:>8}  {:>8}  {:>9}{}\n",
                        subject.name, whole(rate.median), bar(rate.median, most),
                        figure(row, Metric::cpu_us, 2), ratio_text(row, cell, comparison),
                        figure(row, Metric::calls, 2), figure(row, Metric::switches, 2),
                        latency(row, Metric::p50_us), latency(row, Metric::p99_us),
                        memory.known ? size_text(std::round(memory.median)) : "-",
                        remarks(row, comparison));
  }
  return text;
}

// The figures of a subject's verdict are those of the cell that most subjects could serve.
const Row& row_for_verdict(const Comparison& comparison, std::size_t subject) {
  for (const CellResult& cell : comparison.cells) {
    if (!cell.rows[subject].samples.empty()) return cell.rows[subject];
  }
  return comparison.cells.front().rows[subject];
}

std::string verdicts(const Comparison& comparison) {
  std::string text =
      fmt::format("\n{:<17}  {:>7}  {:>10}  {:>10}  {:>14}  {:>13}  {}\n", "model", "clients",
                  "requests", "requests/s", "CPU us/request", "calls/request", "verdict");
  for (std::size_t i = 0; i < comparison.subjects.size(); ++i) {
    const Check& check = comparison.checks[i];
    const Row& row = row_for_verdict(comparison, i);
    const Summary rate = summary(row, Metric::requests_per_s);
    text += fmt::format("{:<17}  {:>7}  {:>10}  {:>10}  {:>14}  {:>13}  {}\n",
                        comparison.subjects[i].name, with_commas(check.clients),
                        with_commas(check.requests), rate.known ? whole(rate.median) : "-",
                        figure(row, Metric::cpu_us, 2), figure(row, Metric::calls, 2),
                        verdict(comparison, i));
  }
  return text;
}

}  // namespace

std::string tables(const Comparison& comparison) {
  std::string text;
  for (const CellResult& cell : comparison.cells) text += table(cell, comparison);
  text += fmt::format(
      "\nMedians of {} runs of {:.1f} s. CPU, calls (system calls) and switch (context switches) "
      "are the\nserver's, a request; ratio is CPU against {}, ~ within the noise of this "
      "machine; "
      "memory is\nresident, a connection.\n",
      comparison.repeats, comparison.seconds, comparison.subjects[comparison.reference].name);
  text += verdicts(comparison);
  text += "\n";
  for (const std::string& sentence : reading(comparison)) text += sentence + "\n";
  for (const std::string& note : comparison.notes) text += note + ".\n";
  return text;
}

}  // namespace weir::cli
