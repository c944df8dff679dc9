// machine.h - what figures depend on besides the program: the machine, as it describes itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace weir::cli {

/// Names and values: kernel, CPU, memory, mitigations, limits. What is not told is left out.
std::vector<std::pair<std::string, std::string>> describe_machine();

/// The program that runs: its path.
std::string own_path();

}  // namespace weir::cli
