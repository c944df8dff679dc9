// terminal.h - whether somebody looks on.
#pragma once

#include <cstddef>

namespace weir::cli {

/// Whether stderr, or stdout, is a terminal.
bool stderr_is_terminal() noexcept;
bool stdout_is_terminal() noexcept;
/// Waits for room for a line on stderr, a second at most.
void wait_for_stderr() noexcept;
/// Whether a line of up to 4 KiB on stdout would neither wait nor find its reader gone.
bool stdout_takes_a_line() noexcept;
/// How wide stdout is, if it is a terminal; else without a limit.
std::size_t stdout_columns() noexcept;

}  // namespace weir::cli
