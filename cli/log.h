// log.h - the tool's lines on stderr.
#pragma once

#include <string_view>

namespace weir::cli {

/// Writes `weir: LINE` to stderr, whole, from any thread or process.
void log(std::string_view line) noexcept;

}  // namespace weir::cli
