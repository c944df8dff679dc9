#include "cli/log.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

namespace weir::cli {

// One call on a stream without a buffer: lines of several threads or processes never mix. What the
// command line brought in stays one line, and moves no terminal's cursor.
void log(std::string_view line) noexcept {
  std::array<char, 4096> text;
  const std::size_t size = std::min(line.size(), text.size());
  std::replace_copy_if(
      line.begin(), line.begin() + static_cast<std::ptrdiff_t>(size), text.begin(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  std::fprintf(stderr, "weir: %.*s\n", static_cast<int>(size), text.data());
}

}  // namespace weir::cli
