// line.h - lines for whoever reads them, if somebody does.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir::os {

constexpr int standard_error = 2;
constexpr std::size_t line_size_max = 4096;  ///< PIPE_BUF, which a pipe takes whole (pipe(7))

/// Writes a line of up to line_size_max bytes to a file, pipe or terminal, whole, from any thread
/// or process. False: it was not written, because that would have waited, or because the reader of
/// the pipe is gone; there is no SIGPIPE then. (Whoever else fills the pipe at that very moment can
/// still make it wait.)
bool write_line(int fd, std::string_view line) noexcept;

}  // namespace weir::os
