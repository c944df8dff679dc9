// checks.h - what option values must be, with complaints that a user understands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class Validator;
}

namespace weir::cli {

/// A whole number from `least` to `most`, both included.
CLI::Validator number(std::int64_t least, std::int64_t most);

/// One of these words.
CLI::Validator one_of(std::vector<std::string> words);

/// A number of bytes, also with k, M or G for 1024, 1024^2, 1024^3; becomes the plain number.
CLI::Validator size_in_bytes();

}  // namespace weir::cli
