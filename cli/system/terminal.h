// terminal.h - whether somebody looks on.
#pragma once

namespace weir::cli {

/// Whether stderr, or stdout, is a terminal.
bool stderr_is_terminal() noexcept;
bool stdout_is_terminal() noexcept;

}  // namespace weir::cli
