// calls.h - Linux as an engine's kernel.
#pragma once

#include "kernel/calls.h"

namespace weir::os {

/// The system calls of src/os. One for the whole process: they keep no state.
kernel::Calls& calls() noexcept;

}  // namespace weir::os
