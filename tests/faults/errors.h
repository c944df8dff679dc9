// errors.h - which errors each kind of system call may meet, and which kinds cannot be failed.
#pragma once

#include <string_view>
#include <vector>

#include "os/tap.h"
#include "tests/faults/fault_tap.h"

namespace faults {

/// The errors of a call's man page that can befall a server whose arguments are right.
struct Sweep {
  weir::os::CallKind kind;
  std::vector<int> errors;
  bool moves_bytes = false;  ///< It is shortened, too.
  bool is_made = false;      ///< See Fault.
};

/// A kind has several lines where its errors do not all mean the same.
const std::vector<Sweep>& sweeps();

/// A kind that is not failed here, and why.
struct Spared {
  weir::os::CallKind kind;
  std::string_view reason;
};

/// Those that occur in a server's life, from its start to its end, and cannot be failed.
const std::vector<Spared>& cannot_be_failed();
/// Those that do not occur in the life of a server as it is swept, and what makes them.
const std::vector<Spared>& do_not_occur();

/// What is to happen, one after another: each error, and shortened to 1, 1 + `step`, ... bytes.
std::vector<Fault> faults_of(const Sweep& sweep, std::size_t step);

}  // namespace faults
