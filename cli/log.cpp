#include "cli/log.h"

#include <cstdio>

#include <weir/server.h>
#include "cli/system/terminal.h"

namespace weir::cli {

// Of most lines it is the last: whoever reads slowly shall have it, too.
void log(std::string_view line) noexcept {
  wait_for_stderr();
  log_to_stderr(LogLevel::info, line);
}

void print_line(std::string_view line) noexcept {
  if (!stdout_takes_a_line()) return log("nobody reads stdout, so a line is not printed there");
  // Whoever reads it through a pipe gets the line now.
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  std::fflush(stdout);
}

}  // namespace weir::cli
