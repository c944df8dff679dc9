// log.h - the tool's lines on stderr and stdout.
#pragma once

#include <string_view>

namespace weir::cli {

/// Writes `weir: LINE` to stderr, whole, from any thread or process.
void log(std::string_view line) noexcept;

/// Prints a line of up to 4 KiB on stdout, unless that would wait: then stderr hears of it.
void print_line(std::string_view line) noexcept;

}  // namespace weir::cli
