#include "base/process_epoch.h"

#include <utility>

namespace weir::base {
namespace {

// Written only while a child has one thread.
constinit unsigned epoch = 0;
constinit thread_local unsigned simulated_process = 0;

}  // namespace

unsigned process_epoch() noexcept { return epoch + simulated_process; }
unsigned exchange_simulated_process(unsigned number) noexcept {
  return std::exchange(simulated_process, number);
}
void enter_child_process() noexcept { ++epoch; }

}  // namespace weir::base
