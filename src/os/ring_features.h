// ring_features.h - which parts of io_uring(7) this kernel has and allows, tried one by one.
#pragma once

#include <string_view>
#include <vector>

namespace weir::os {

struct RingFeature {
  std::string_view name;
  std::string_view since;  ///< the version of Linux that brought it
  std::string_view use;    ///< what it is good for here
  int error = 0;           ///< 0: it works; -errno
};

/// All that Ring needs. Those after one that everything rests on fail with its error.
std::vector<RingFeature> ring_features();

}  // namespace weir::os
