#include "cli/log.h"

#include <cstdio>

namespace weir::cli {

// One call on a stream without a buffer: lines of several threads or processes never mix.
void log(std::string_view line) noexcept {
  const int size = static_cast<int>(line.size());
  std::fprintf(stderr, "weir: %.*s\n", size, line.data());
}

}  // namespace weir::cli
