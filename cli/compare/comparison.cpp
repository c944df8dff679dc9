#include "cli/compare/comparison.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/text.h"

namespace weir::cli {

std::string describe(const Cell& cell) {
  std::string text = fmt::format("{} connection{}", with_commas(cell.connections),
                                 cell.connections == 1 ? "" : "s");
  if (cell.idle > 0) text += fmt::format(" and {} idle ones", with_commas(cell.idle));
  text += fmt::format(", {} messages", size_text(static_cast<double>(cell.message)));
  if (cell.pipeline > 1) text += fmt::format(", {} in flight each", cell.pipeline);
  return text;
}

std::size_t Comparison::control() const noexcept {
  const auto found = std::ranges::find(subjects, true, &Subject::again);
  return static_cast<std::size_t>(found - subjects.begin());
}

}  // namespace weir::cli
