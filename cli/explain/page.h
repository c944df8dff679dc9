// page.h - timelines as a page of HTML: one lane for the server and one for each client.
#pragma once

#include <span>
#include <string>

#include "cli/explain/timeline.h"

namespace weir::cli {

/// One file that needs nothing else: no script, no font, no network. Two timelines stand side by
/// side, and lines of which the other one has no like are marked.
std::string to_page(std::span<const Timeline> timelines);

}  // namespace weir::cli
