// process_epoch.h - tells a process from the one it was forked from.
#pragma once

namespace weir::base {

/// Grows in each child that the library forks; the same for the whole life of a process. Where
/// workers that are processes are simulated each has one of its own, though there is one process.
unsigned process_epoch() noexcept;
/// Which simulated process runs on this thread from now on; returns which ran before. 0: none.
unsigned exchange_simulated_process(unsigned number) noexcept;
/// In a child, right after fork(2).
void enter_child_process() noexcept;

}  // namespace weir::base
