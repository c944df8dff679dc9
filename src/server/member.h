// member.h - one worker of a server, as a thread or as a process.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "engine/control.h"
#include "model/model.h"
#include "os/bell.h"
#include "os/ledger.h"
#include "os/process.h"
#include "os/thread.h"
#include "os/waker.h"

namespace weir::detail {

struct Member {
  const ModelEntry* model = nullptr;
  os::Ledger* ledger = nullptr;
  const os::Bell* bell = nullptr;
  Plan plan;
  int cpu = -1;  ///< that it is kept on; negative: on any
  os::Waker waker;
  Control control{waker};
  std::string failure;             ///< why run() ended by an exception; empty otherwise
  std::atomic<bool> ended{false};  ///< threads: run() has returned

  os::Thread thread;
  bool has_thread = false;
  os::ChildProcess process;
  int process_id = 0;

  // A worker process that died, and its replacement.
  std::int64_t started_at = 0;
  std::int64_t start_again_at = -1;  ///< negative: not to be started
  unsigned quick_deaths = 0;         ///< in a row
  bool failed = false;               ///< its last end was a failure of its own

  /// Runs the worker on this thread and enters what it counted into the ledger.
  void run() noexcept;

 private:
  void failed_to_run(const char* why) noexcept;
};

/// "was ended by signal 9", "ended with exit code 1"
std::string described(const os::Ending& ending);

}  // namespace weir::detail
