#include "cli/compare/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "cli/compare/reading.h"
#include "cli/compare/statistics.h"
#include "cli/text.h"

namespace weir::cli {
namespace {

/// What a terminal of so many columns has room for.
struct Layout {
  explicit Layout(std::size_t columns) : all(columns >= 112), memory(columns >= 86) {}
  std::size_t bar() const { return all ? 16 : 8; }
  bool all;     ///< context switches and the median latency, too
  bool memory;  ///< memory, too
};

// Eighths of a character, so that small differences can be seen.
std::string bar(double value, double most, std::size_t bar_width) {
  constexpr std::string_view blocks[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double share = most > 0 ? std::clamp(value / most, 0.0, 1.0) : 0;
  const auto eighths =
      static_cast<std::size_t>(std::lround(share * static_cast<double>(bar_width) * 8));
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

// One line, of its heading or of a subject.
std::string line(const Layout& layout, std::string_view name, std::string_view rate,
                 std::string_view bar, const std::array<std::string, 7>& figures) {
  const auto& [cpu, ratio, calls, switches, p50, p99, memory] = figures;
  std::string text = fmt::format("{:<17}  {:>10}  {:<{}}  {:>7}  {:>6}  {:>6}", name, rate, bar,
                                 bar.empty() ? layout.bar() : 0, cpu, ratio, calls);
  if (layout.all) text += fmt::format("  {:>6}  {:>8}", switches, p50);
  text += fmt::format("  {:>8}", p99);
  if (layout.memory) text += fmt::format("  {:>9}", memory);
  return text;
}

std::string table(const CellResult& cell, const Comparison& comparison, const Layout& layout) {
  double most = 0;
  for (const Row& row : cell.rows) {
    most = std::max(most, summary(row, Metric::requests_per_s).median);
  }
  std::string text = fmt::format("\n{}\n", describe(cell.cell));
  text += line(layout, "", "requests/s", "",
               {"CPU us", "ratio", "calls", "switch", "p50", "p99", "memory"}) +
          "\n";
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
    text += line(layout, subject.name, whole(rate.median), bar(rate.median, most, layout.bar()),
                 {figure(row, Metric::cpu_us, 2), ratio_text(row, cell, comparison),
                  figure(row, Metric::calls, 2), figure(row, Metric::switches, 2),
                  latency(row, Metric::p50_us), latency(row, Metric::p99_us),
                  memory.known ? size_text(std::round(memory.median)) : "-"});
    text += remarks(row, comparison) + "\n";
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

std::string verdicts(const Comparison& comparison, const Layout& layout) {
  std::string text = fmt::format("\n{:<17}  {:>7}  {:>10}", "model", "clients", "requests");
  if (layout.all) {
    text +=
        fmt::format("  {:>10}  {:>14}  {:>13}", "requests/s", "CPU us/request", "calls/request");
  }
  text += "  verdict\n";
  for (std::size_t i = 0; i < comparison.subjects.size(); ++i) {
    const Check& check = comparison.checks[i];
    const Row& row = row_for_verdict(comparison, i);
    const Summary rate = summary(row, Metric::requests_per_s);
    text += fmt::format("{:<17}  {:>7}  {:>10}", comparison.subjects[i].name,
                        with_commas(check.clients), with_commas(check.requests));
    if (layout.all) {
      text += fmt::format("  {:>10}  {:>14}  {:>13}", rate.known ? whole(rate.median) : "-",
                          figure(row, Metric::cpu_us, 2), figure(row, Metric::calls, 2));
    }
    text += fmt::format("  {}\n", verdict(comparison, i));
  }
  return text;
}

/// Lines of at most so many columns, broken between words.
std::string wrapped(const std::string& text, std::size_t columns) {
  std::string lines;
  std::size_t used = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool fits = used == 0 || used + 1 + word.size() <= columns;
    if (used > 0) lines += fits ? " " : "\n";
    used = fits && used > 0 ? used + 1 + word.size() : word.size();
    lines += word;
  }
  return lines + "\n";
}

}  // namespace

std::string tables(const Comparison& comparison, std::size_t columns) {
  const Layout layout(columns);
  const std::size_t prose = std::min<std::size_t>(columns, 100);
  std::string text;
  for (const CellResult& cell : comparison.cells) text += table(cell, comparison, layout);
  text +=
      "\n" +
      wrapped(fmt::format(
                  "{} {} of {:.1f} s. CPU, calls (system calls){} are the server's, a request; "
                  "ratio is CPU against {}, ~ within the noise of this machine{}.",
                  comparison.repeats == 1 ? "One" : "Medians of",
                  comparison.repeats == 1 ? "run" : fmt::format("{} runs", comparison.repeats),
                  comparison.seconds, layout.all ? " and switch (context switches)" : "",
                  comparison.subjects[comparison.reference].name,
                  layout.memory ? "; memory is resident, a connection" : ""),
              prose);
  if (!layout.all) text += wrapped("A wider terminal, and the report, show more columns.", prose);
  text += verdicts(comparison, layout);
  text += "\n";
  for (const std::string& sentence : reading(comparison)) text += wrapped(sentence, columns);
  for (const std::string& note : comparison.notes) text += wrapped(note + ".", columns);
  return text;
}

}  // namespace weir::cli
