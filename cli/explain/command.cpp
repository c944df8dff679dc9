// command.cpp - `weir explain`: a model at work, call by call.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/model.h>
#include "cli/commands.h"
#include "cli/explain/page.h"
#include "cli/explain/print.h"
#include "cli/names.h"
#include "cli/output.h"

namespace weir::cli {
namespace {

struct Request {
  std::vector<std::string> models;
  std::string html;
  bool to_page = false;
  bool literal = false;
  bool everything = false;
  bool times = false;
};

int explain(const Request& request) {
  if (request.models.size() > 2) throw UsageError("one model, or two of them side by side");
  if (request.to_page) check_writable(request.html);
  std::vector<Timeline> timelines;
  for (const std::string& wanted : request.models) {
    Model model = model_of(wanted);
    if (model == Model::automatic) model = choose_model().model;
    timelines.push_back(timeline(converse(model, request.literal), request.everything));
  }
  if (request.to_page) {
    write_file(request.html, to_page(timelines));
    fmt::print("{}\n", request.html);
    return 0;
  }
  fmt::print("{}", timelines.size() == 2 ? to_text(timelines[0], timelines[1])
                                         : to_text(timelines[0], request.times));
  return 0;
}

}  // namespace

void add_explain(CLI::App& tool, int& exit_code) {
  const auto request = std::make_shared<Request>();
  CLI::App* command = tool.add_subcommand(
      "explain",
      "Run a model with two clients and print its system calls, each with its step in the "
      "model's recipe; two models: side by side");
  command->add_option("MODEL", request->models, "The model, or two of them: " + model_list())
      ->type_name("")
      ->required()
      ->expected(1, -1);
  command->add_flag("--literal", request->literal,
                    "By the textbook: queue every byte, ask for writability, send when told");
  command->add_flag("--all", request->everything,
                    "Preparations too (signals, memory), and every call that found nobody");
  command->add_flag("--times", request->times, "When each call began and how long it took");
  command->add_option("--html", request->html, "Write a page to this file, one lane a client")
      ->type_name("FILE");
  command->callback([request, command, &exit_code] {
    request->to_page = command->count("--html") > 0;
    exit_code = explain(*request);
  });
}

}  // namespace weir::cli
