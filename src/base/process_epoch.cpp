#include "base/process_epoch.h"

namespace weir::base {
namespace {

// Written only while a child has one thread.
constinit unsigned epoch = 0;

}  // namespace

unsigned process_epoch() noexcept { return epoch; }
void enter_child_process() noexcept { ++epoch; }

}  // namespace weir::base
