// reading.h - what a comparison says, in sentences: never more than its noise allows.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/compare/comparison.h"

namespace weir::cli {

std::vector<std::string> reading(const Comparison& comparison);

/// "every byte came back", or what was wrong.
std::string verdict(const Comparison& comparison, std::size_t subject);
/// Whether nothing was wrong with anybody who is available here.
bool all_well(const Comparison& comparison);

}  // namespace weir::cli
