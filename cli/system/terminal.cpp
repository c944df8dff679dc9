#include "cli/system/terminal.h"

#include <unistd.h>

namespace weir::cli {

bool stderr_is_terminal() noexcept { return isatty(STDERR_FILENO) == 1; }
bool stdout_is_terminal() noexcept { return isatty(STDOUT_FILENO) == 1; }

}  // namespace weir::cli
