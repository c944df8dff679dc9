// html.h - a comparison as one HTML file that needs nothing else.
#pragma once

#include <string>

namespace weir::cli {

/// Whether this tool was built with the page: it takes npm (see docs/MEASURING.md).
bool has_report() noexcept;

/// The page with the comparison's JSON inside. Requires: has_report().
std::string report_page(const std::string& json);

}  // namespace weir::cli
