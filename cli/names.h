// names.h - what a user may name on the command line.
#pragma once

#include <string>

#include <weir/model.h>

namespace weir::cli {

/// Every model, separated by commas.
std::string model_list();
/// The model of that name, `automatic` included. Throws UsageError that lists the models.
Model model_of(const std::string& name);

}  // namespace weir::cli
