// table.h - a comparison for the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cli/compare/comparison.h"

namespace weir::cli {

/// One table a cell, with bars; then one of the subjects, with the verdicts; then the reading.
/// What a terminal of so many columns has no room for is left out.
std::string tables(const Comparison& comparison, std::size_t columns = SIZE_MAX);

}  // namespace weir::cli
