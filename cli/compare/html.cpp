#include "cli/compare/html.h"

#include <string_view>

#include "cli/compare/page.h"

namespace weir::cli {
namespace {

// Inside a script element "</" could end it, whatever string it stands in (HTML, 4.12.1.3).
std::string for_script(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    text += json[i] == '<' ? "\\u003c" : std::string(1, json[i]);
  }
  return text;
}

}  // namespace

bool has_report() noexcept { return !page_before_data().empty(); }

std::string report_page(const std::string& json) {
  return std::string(page_before_data()) + for_script(json) + std::string(page_after_data());
}

}  // namespace weir::cli
