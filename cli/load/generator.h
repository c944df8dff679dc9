// generator.h - drives a load: workers, phases, progress.
#pragma once

#include "cli/load/load.h"
#include "cli/load/result.h"

namespace weir::cli {

/// Puts the load on its server and tells what came of it. Ends early, with what there is, on
/// SIGINT. Throws UsageError when a connection could not be made, or the model is not there.
Result generate(const Load& load);

}  // namespace weir::cli
