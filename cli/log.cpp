#include "cli/log.h"

#include <cstdio>

namespace weir::cli {

// One call on a stream without a buffer: lines of several threads or processes never mix.
void log(std::string_view line) noexcept {
  std::fprintf(stderr, "weir: %.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace weir::cli
