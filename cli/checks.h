// checks.h - what option values must be, with complaints that a user understands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace weir::cli {

/// A whole number from `least` to `most`, both included.
CLI::Validator number(std::int64_t least, std::int64_t most);

/// One of these words.
CLI::Validator one_of(std::vector<std::string> words);

/// A number above 0, and one from 0 on; both may have a fraction.
CLI::Validator positive_number();
CLI::Validator number_from_zero();

/// A number of bytes, also with k, M or G for 1024, 1024^2, 1024^3; becomes the plain number.
CLI::Validator size_in_bytes(std::int64_t least = 0);

/// Permissions of a file in octal, "0660"; becomes the plain number.
CLI::Validator permissions();

/// Any text but none.
CLI::Validator some_text();

/// Adds an option that has a value, which `check` looks at, and a default, which --help tells.
template <class T>
void add_value(CLI::App& command, const char* name, const char* unit, T& value,
               const CLI::Validator& check, const char* help) {
  CLI::Option* option = command.add_option(name, value, help);
  option->transform(check)->type_name(unit)->capture_default_str();
}

}  // namespace weir::cli
