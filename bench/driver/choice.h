// choice.h - names of cells and subjects as they are chosen on the command line.
#pragma once

#include <string>
#include <vector>

namespace bench {

/// The names that patterns choose, in their order; no pattern chooses all. A pattern that equals a
/// name chooses that one alone, else those that begin so: `libev` is not libevent, and `64B` is all
/// cells of 64 B. Throws std::invalid_argument for a pattern that chooses none; `kind` is what the
/// names are of.
std::vector<std::string> choose(const std::vector<std::string>& patterns,
                                const std::vector<std::string>& names, const std::string& kind);

bool contains(const std::vector<std::string>& names, const std::string& name);

}  // namespace bench
