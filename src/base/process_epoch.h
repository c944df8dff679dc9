// process_epoch.h - tells a process from the one it was forked from.
#pragma once

namespace weir::base {

/// Grows in each child that the library forks; the same for the whole life of a process.
unsigned process_epoch() noexcept;
/// In a child, right after fork(2).
void enter_child_process() noexcept;

}  // namespace weir::base
