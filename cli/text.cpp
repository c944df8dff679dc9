#include "cli/text.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

namespace weir::cli {
namespace {

std::string three_figures(double number) {
  if (number >= 100) return fmt::format("{:.0f}", number);
  if (number >= 10) return fmt::format("{:.1f}", number);
  return fmt::format("{:.2f}", number);
}

}  // namespace

std::string with_commas(std::uint64_t number) {
  if (number < 1000) return std::to_string(number);
  return with_commas(number / 1000) + fmt::format(",{:03}", number % 1000);
}

std::string whole(double number) {
  return with_commas(static_cast<std::uint64_t>(std::llround(number < 0 ? 0 : number)));
}

std::string duration_text(std::int64_t nanoseconds) {
  const auto time = static_cast<double>(nanoseconds);
  if (time < 1e3) return fmt::format("{} ns", nanoseconds);
  if (time < 1e6) return three_figures(time / 1e3) + " us";
  if (time < 1e9) return three_figures(time / 1e6) + " ms";
  return three_figures(time / 1e9) + " s";
}

std::string size_text(double bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  const bool exact = bytes == std::floor(bytes) && bytes < 1024;
  return fmt::format("{} {}", exact ? fmt::format("{:.0f}", bytes) : three_figures(bytes),
                     units[unit]);
}

}  // namespace weir::cli
