// doctor.cpp - `weir doctor`: what works on this machine, what does not, and the remedy.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weir/diagnosis.h>
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/names.h"

namespace weir::cli {
namespace {

struct Request {
  DiagnosisOptions options;
  std::string model = "automatic";
  bool json = false;
};

const char* word(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::good: return "ok";
    case Finding::Kind::limit: return "limit";
    case Finding::Kind::problem: return "problem";
  }
  return "";
}

void print_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& each : findings) {
    list.push_back({{"group", each.group},
                    {"name", each.name},
                    {"kind", word(each.kind)},
                    {"state", each.state},
                    {"remedy", each.remedy}});
  }
  const Choice choice = choose_model();
  const nlohmann::ordered_json whole = {
      {"automatic", {{"model", name(choice.model)}, {"reason", choice.reason}}},
      {"findings", list}};
  fmt::print("{}\n", whole.dump(2));
}

void print_text(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& each : findings) width = std::max(width, each.name.size());
  std::string_view group;
  for (const Finding& each : findings) {
    if (each.group != group) fmt::print("{}{}\n", group.empty() ? "" : "\n", each.group);
    group = each.group;
    fmt::print("  {:<7}  {:<{}}  {}\n", word(each.kind), each.name, width, each.state);
    if (!each.remedy.empty()) fmt::print("{:>{}}remedy: {}\n", "", width + 13, each.remedy);
  }
}

int examine(Request& request) {
  request.options.model = model_of(request.model);
  const std::vector<Finding> findings = diagnose(request.options);
  request.json ? print_json(findings) : print_text(findings);
  const auto problems = std::ranges::count(findings, Finding::Kind::problem, &Finding::kind);
  if (!request.json) {
    fmt::print("\n{}\n", problems == 0 ? "Nothing stands in the way."
                                       : fmt::format("Problems: {}.", problems));
  }
  return problems == 0 ? 0 : 1;
}

}  // namespace

void add_doctor(CLI::App& tool, int& exit_code) {
  const auto request = std::make_shared<Request>();
  CLI::App* command = tool.add_subcommand(
      "doctor", "What works on this machine, what limits it, and what to do about it");
  add_value(*command, "--connections", "N", request->options.connections, number(1, 100'000'000),
            "How many at once");
  add_value(*command, "--backlog", "N", request->options.backlog, number(1, 1'000'000),
            "How many may wait for an accept");
  command->add_option("--model", request->model, "Which model must work: " + model_list())
      ->type_name("")
      ->capture_default_str();
  command->add_flag("--json", request->json, "Print JSON");
  command->footer("Exit code 1 when something that was asked for cannot be had.");
  command->callback([request, &exit_code] { exit_code = examine(*request); });
}

}  // namespace weir::cli
