// print.h - timelines as text.
#pragma once

#include <string>

#include "cli/explain/timeline.h"

namespace weir::cli {

/// The recipe, then the conversation. `times`: when each call began and how long it took.
std::string to_text(const Timeline& timeline, bool times);
/// Two models side by side, and in what they differ.
std::string to_text(const Timeline& left, const Timeline& right);

}  // namespace weir::cli
