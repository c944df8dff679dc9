#include "cli/system/terminal.h"

#include <cstdint>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace weir::cli {

bool stderr_is_terminal() noexcept { return isatty(STDERR_FILENO) == 1; }
bool stdout_is_terminal() noexcept { return isatty(STDOUT_FILENO) == 1; }

void wait_for_stderr() noexcept {
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  poll(&room, 1, 1000);
}

bool stdout_takes_a_line() noexcept {
  pollfd room{STDOUT_FILENO, POLLOUT, 0};
  return poll(&room, 1, 0) == 1 && room.revents == POLLOUT;
}

std::size_t stdout_columns() noexcept {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : SIZE_MAX;
}

}  // namespace weir::cli
