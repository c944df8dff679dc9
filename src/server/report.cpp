#include "server/report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

#include <weir/server.h>

namespace weir {

// One call on a stream without a buffer: lines of several threads or processes never mix. What came
// from elsewhere stays one line, and moves no terminal's cursor.
void log_to_stderr(LogLevel /*level*/, std::string_view line) noexcept {
  std::array<char, 4096> text;
  const std::size_t size = std::min(line.size(), text.size());
  std::replace_copy_if(
      line.begin(), line.begin() + static_cast<std::ptrdiff_t>(size), text.begin(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  std::fprintf(stderr, "weir: %.*s\n", static_cast<int>(size), text.data());
}

namespace detail {

void report(const char* line) noexcept { log_to_stderr(LogLevel::error, line); }

}  // namespace detail
}  // namespace weir
