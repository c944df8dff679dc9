// models.cpp - `weir models`: what each model does, its limit, and whether it works here.
#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weir/model.h>
#include "cli/commands.h"

namespace weir::cli {
namespace {

void print_json() {
  auto list = nlohmann::ordered_json::array();
  for (const ModelInfo& info : models()) {
    const Availability here = availability(info.model);
    list.push_back({{"model", info.name},
                    {"summary", info.summary},
                    {"limit", info.limit},
                    {"available", here.available},
                    {"reason", here.reason}});
  }
  fmt::print("{}\n", list.dump(2));
}

void print_row(std::size_t summary_width, std::string_view model, std::string_view works,
               std::string_view summary, std::string_view limit) {
  fmt::print("{:<11}  {:<5}  {:<{}}  {}\n", model, works, summary, summary_width, limit);
}

void print_table() {
  std::size_t width = 0;
  for (const ModelInfo& info : models()) width = std::max(width, info.summary.size());

  print_row(width, "MODEL", "WORKS", "WHAT IT DOES", "LIMIT");
  for (const ModelInfo& info : models()) {
    const Availability here = availability(info.model);
    print_row(width, info.name, here.available ? "yes" : "no", info.summary, info.limit);
    if (!here.available) fmt::print("{:<20}{}\n", "", here.reason);
  }
  const Choice choice = choose_model();
  fmt::print("\nWithout --model: {} ({}).\n", name(choice.model), choice.reason);
}

}  // namespace

void add_models(CLI::App& tool, int& exit_code) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* command = tool.add_subcommand(
      "models", "Each model: what it does, its limit, whether it works here, and if not why");
  command->add_flag("--json", *json, "Print a JSON array instead of a table");
  command->callback([json, &exit_code] {
    *json ? print_json() : print_table();
    exit_code = 0;
  });
}

}  // namespace weir::cli
