// page.h - the report's page as the front-end's bundler made it; see cli/web/.
#pragma once

#include <string_view>

namespace weir::cli {

/// What stands before and behind the data. Empty when the tool was built without npm.
std::string_view page_before_data() noexcept;
std::string_view page_after_data() noexcept;

}  // namespace weir::cli
