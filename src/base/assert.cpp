#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace weir::base {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "weir: %s:%d: assertion failed: %s (this is a bug in Weir)\n", file, line,
               condition);
  std::abort();
}

}  // namespace weir::base
