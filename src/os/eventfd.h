// eventfd.h - eventfd(2) as a waker and a bell use it: a descriptor that is readable, or is not.
#pragma once

#include "os/fd.h"

namespace weir::os {

/// Not readable yet. Without a descriptor: none, and errno.
Fd make_eventfd() noexcept;
/// Makes it readable. From any thread or signal handler; leaves errno as it was.
void tell_eventfd(int fd) noexcept;
/// Makes it unreadable again.
void clear_eventfd(int fd) noexcept;

}  // namespace weir::os
