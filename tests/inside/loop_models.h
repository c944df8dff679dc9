// loop_models.h - the models of one loop, for tests that hold up calls.
#pragma once

#include <vector>

#include <weir/model.h>

#include "model/model.h"

namespace inside {

/// All that do not block, but `other`.
inline std::vector<weir::Model> loop_models_but(weir::Model other) {
  std::vector<weir::Model> models;
  for (const weir::ModelInfo& info : weir::models()) {
    if (!weir::detail::entry(info.model).blocks && info.model != other) {
      models.push_back(info.model);
    }
  }
  return models;
}

}  // namespace inside
