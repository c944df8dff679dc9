#include "cli/names.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.h"

namespace weir::cli {

std::string model_list() {
  std::vector<std::string_view> names;
  for (const ModelInfo& info : models()) names.push_back(info.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Model model_of(const std::string& name) {
  if (name == "automatic") return Model::automatic;
  if (const auto model = model_named(name)) return *model;
  throw UsageError(fmt::format("unknown model '{}'; models: {}, automatic", name, model_list()));
}

}  // namespace weir::cli
