#include "server/report.h"

#include <cstdio>

namespace weir::detail {

void report(const char* line) noexcept { std::fprintf(stderr, "weir: %s\n", line); }

}  // namespace weir::detail
