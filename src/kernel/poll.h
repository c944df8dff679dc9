// poll.h - what poll(2) is asked.
#pragma once

#include <cstdint>

namespace weir::kernel {

/// Laid out like pollfd. A negative fd is skipped.
struct PollEntry {
  int fd;
  std::int16_t wanted;
  std::int16_t happened;
};
constexpr std::int16_t poll_readable = 0x001;                // POLLIN
constexpr std::int16_t poll_writable = 0x004;                // POLLOUT
constexpr std::int16_t poll_failed = 0x008 | 0x010 | 0x020;  // POLLERR, POLLHUP, POLLNVAL

}  // namespace weir::kernel
