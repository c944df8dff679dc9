// report.h - the one line that run() leaves on stderr when a program cannot go on.
#pragma once

namespace weir::detail {

/// Prints "weir: " and the line. For main(): whatever has a caller to tell throws instead.
void report(const char* line) noexcept;

}  // namespace weir::detail
