// comparison_json.h - a comparison as JSON: what the report shows, and what can be kept.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/compare/comparison.h"

namespace weir::cli {

nlohmann::ordered_json to_json(const Comparison& comparison);

}  // namespace weir::cli
