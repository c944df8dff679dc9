#include "os/line.h"

#include <unistd.h>

#include <cerrno>
#include <climits>

#include "base/counters.h"
#include "os/poll.h"
#include "os/tap.h"

namespace weir::os {

static_assert(line_size_max <= PIPE_BUF);

// A pipe is writable when it has room for PIPE_BUF bytes (pipe(7)), and says so with an error when
// nobody reads it any more.
bool write_line(int fd, std::string_view line) noexcept {
  PollEntry room{fd, poll_writable, 0};
  if (poll(&room, 1, 0) != 1 || room.happened != poll_writable) return false;
  ++base::counters.calls_other;
  ssize_t written = 0;
  do {
    written = system_call(CallKind::write, ::write, fd, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(line.size());
}

}  // namespace weir::os
