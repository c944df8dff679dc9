// table.h - a comparison for the terminal.
#pragma once

#include <string>

#include "cli/compare/comparison.h"

namespace weir::cli {

/// One table a cell, with bars; then one of the subjects, with the verdicts; then the reading.
std::string tables(const Comparison& comparison);

}  // namespace weir::cli
