// report.h - results as tables for the terminal and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "panel.h"
#include "verdict.h"

namespace bench {

void print(const CellResult& result);

void print(const std::vector<GoalResult>& goals);

nlohmann::json to_json(const CellResult& result);
nlohmann::json to_json(const std::vector<GoalResult>& goals);
/// Kernel, CPU, and what is known of the machine that a figure needs beside it.
nlohmann::json describe_machine();

}  // namespace bench
