// diagnosis.h - what works on this machine, what limits it, and what to do about it.
// `weir doctor` prints it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weir/model.h>

namespace weir {

/// What the machine is asked to bear.
struct DiagnosisOptions {
  unsigned connections = 1000;     ///< at once
  int backlog = 4096;              ///< Options::backlog
  Model model = Model::automatic;  ///< which one must work; automatic: any
};

/// One thing that was looked at.
struct Finding {
  enum class Kind : unsigned char {
    good,
    limit,    ///< it works, within what `state` says
    problem,  ///< what was asked for cannot be had
  };
  std::string_view group;  ///< "models", "io_uring", "system calls", "limits"
  std::string name;
  Kind kind = Kind::good;
  std::string state;   ///< what was found, one line
  std::string remedy;  ///< if not good: what to do, one line
};

/// Looks at everything: tries each model and kernel feature, and reads the limits. Takes some
/// milliseconds and leaves nothing behind. Any thread.
std::vector<Finding> diagnose(const DiagnosisOptions& options);

}  // namespace weir
