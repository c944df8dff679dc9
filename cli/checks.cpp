#include "cli/checks.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

namespace weir::cli {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Less than 0 for what is no number, or one that is too large for anything here.
double real_number(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && value <= 1e9 ? value : -1;
}

// 0 for a text without a unit.
unsigned shift_of_unit(std::string_view text) {
  if (text.ends_with('k') || text.ends_with('K')) return 10;
  if (text.ends_with('M')) return 20;
  return text.ends_with('G') ? 30 : 0;
}

}  // namespace

CLI::Validator number(std::int64_t least, std::int64_t most) {
  const auto check = [=](const std::string& text) -> std::string {
    const auto value = whole_number(text);
    if (value && *value >= least && *value <= most) return "";
    return fmt::format("'{}' is not a number from {} to {}", text, least, most);
  };
  return CLI::Validator(check, "");
}

CLI::Validator one_of(std::vector<std::string> words) {
  const auto check = [words = std::move(words)](const std::string& text) -> std::string {
    if (std::ranges::find(words, text) != words.end()) return "";
    return fmt::format("'{}' is not one of {}", text, fmt::join(words, ", "));
  };
  return CLI::Validator(check, "");
}

CLI::Validator positive_number() {
  const auto check = [](const std::string& text) -> std::string {
    const double value = real_number(text);
    return value > 0 ? "" : fmt::format("'{}' is not a number above 0", text);
  };
  return CLI::Validator(check, "");
}

CLI::Validator number_from_zero() {
  const auto check = [](const std::string& text) -> std::string {
    const double value = real_number(text);
    return value >= 0 ? "" : fmt::format("'{}' is not a number from 0 on", text);
  };
  return CLI::Validator(check, "");
}

CLI::Validator permissions() {
  const auto check = [](std::string& text) -> std::string {
    unsigned mode = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, mode, 8);
    if (parsed.ec != std::errc() || parsed.ptr != end || mode > 0777) {
      return fmt::format("'{}' is not a mode in octal, from 0 to 0777, as 0660", text);
    }
    text = std::to_string(mode);
    return "";
  };
  return CLI::Validator(check, "");
}

CLI::Validator some_text() {
  const auto check = [](const std::string& text) -> std::string {
    return text.empty() ? "it must not be empty" : "";
  };
  return CLI::Validator(check, "");
}

CLI::Validator size_in_bytes(std::int64_t least) {
  const auto check = [least](std::string& text) -> std::string {
    constexpr std::int64_t most = std::int64_t{1} << 40;
    const unsigned shift = shift_of_unit(text);
    const auto value = whole_number(std::string_view(text).substr(0, text.size() - (shift != 0)));
    if (!value || *value < least || *value > most >> shift) {
      return fmt::format("'{}' is not a number of bytes, such as 65536, 64k or 1M", text);
    }
    text = std::to_string(*value << shift);
    return "";
  };
  return CLI::Validator(check, "");
}

}  // namespace weir::cli
