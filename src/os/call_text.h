// call_text.h - a recorded call in words, as the manual writes it.
#pragma once

#include <string_view>

#include <weir/trace.h>

#include "os/recorder.h"

namespace weir::os {

/// "recv"; of a request "sqe:recv". Of a completion, whose request had that opcode, "cqe:recv".
std::string_view traced_name(const Call& call, std::uint64_t request_opcode) noexcept;
/// Fills `arguments` and `outcome`; `told` and `fd` must be there.
void describe(const CallRecord& record, TracedCall& traced);

}  // namespace weir::os
