// engine_options.h - what an engine has to know of Options, and of its worker.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::detail {

class Memory;

struct EngineOptions {
  unsigned budget_operations = 64;
  std::size_t budget_bytes = 1024 * 1024;
  bool send_when_writable = false;
  bool several_listeners = false;
  bool shares_listeners = false;   ///< with other workers
  bool clients_have_bound = true;  ///< also those that came before their listener was ours
  bool keeps_reserve = false;      ///< a descriptor for turn_away()
  bool spin = false;
  std::int64_t spin_before_sleep = 0;  // ns
  std::int64_t batch_wait = 0;         // ns
  std::size_t stage_bytes = 4096;      // 0: nothing is staged
  Memory* memory = nullptr;            ///< where buffers are counted, and limited
  unsigned memory_worker = 0;          ///< as which worker
};

}  // namespace weir::detail
