// output.h - files that a command writes its result to.
#pragma once

#include <string>

namespace weir::cli {

/// Throws UsageError if nothing can be written there: asked before the work, not after it. A file
/// that is there already stays as it is.
void check_writable(const std::string& path);
/// Throws std::runtime_error.
void write_file(const std::string& path, const std::string& text);

}  // namespace weir::cli
