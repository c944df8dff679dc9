// poll.h - poll(2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/poll.h"

namespace weir::os {

using kernel::poll_failed;
using kernel::poll_readable;
using kernel::poll_writable;
using kernel::PollEntry;

/// Waits up to `nanoseconds` (negative: for ever), rounded up to a millisecond. Returns how many
/// entries have `happened` set; 0 after EINTR.
std::size_t poll(PollEntry* entries, std::size_t count, std::int64_t nanoseconds) noexcept;

}  // namespace weir::os
