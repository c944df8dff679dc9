// exact.h - what can be counted rather than timed.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace bench {

/// Counts for the subjects chosen (all when none is named), prints the tables, and returns them.
nlohmann::json count_exactly(const std::vector<std::string>& subjects, bool smoke);

}  // namespace bench
