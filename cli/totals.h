// totals.h - a server's statistics at its end, for people and for programs.
#pragma once

#include <string>

#include <weir/model.h>
#include <weir/statistics.h>
#include "cli/system/cpu.h"

namespace weir::cli {

/// One readable line.
std::string totals_line(const Statistics& statistics, const CpuTime& cpu);

/// One JSON object on one line: the model, every field of Statistics under its name, `open` and
/// `calls`, and the CPU time in microseconds: `cpu_user_us`, `cpu_system_us`, their sum `cpu_us`.
std::string totals_json(Model model, const Statistics& statistics, const CpuTime& cpu);

}  // namespace weir::cli
