// no_page.cpp - in the place of the page where the tool is built without npm.
#include "cli/compare/page.h"

namespace weir::cli {

std::string_view page_before_data() noexcept { return {}; }
std::string_view page_after_data() noexcept { return {}; }

}  // namespace weir::cli
