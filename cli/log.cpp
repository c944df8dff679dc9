#include "cli/log.h"

#include <weir/server.h>

namespace weir::cli {

void log(std::string_view line) noexcept { log_to_stderr(LogLevel::info, line); }

}  // namespace weir::cli
