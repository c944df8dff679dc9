// report.h - lines on stderr.
#pragma once

namespace weir::detail {

/// Prints "weir: " and the line, with which a program ends that cannot go on. For main(): whatever
/// has a caller to tell throws instead.
void report(const char* line) noexcept;

}  // namespace weir::detail
