// line.h - lines for whoever reads them, if somebody does.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir::os {

constexpr int standard_error = 2;
constexpr std::size_t line_size_max = 4096;  ///< PIPE_BUF, which a pipe takes whole (pipe(7))

/// Writes a line of up to line_size_max bytes to a file, pipe or terminal, whole, from any thread
/// or process. False: it was not written, because a pipe has no room for it, or no reader; then
/// there is no SIGPIPE. (Whoever fills or leaves the pipe at that very moment can still bring both
/// about. A terminal says that it has room when it has some.)
bool write_line(int fd, std::string_view line) noexcept;

}  // namespace weir::os
