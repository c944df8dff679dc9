// report.cpp - `weir report merge`: adds up the results of several load generators.
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/load/result.h"

namespace weir::cli {
namespace {

struct Request {
  std::vector<std::string> files;
  bool json = false;
};

Result read_result(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path);
    if (!file) throw UsageError(fmt::format("cannot read '{}'", path));
  }
  try {
    return result_from_json(nlohmann::ordered_json::parse(path == "-" ? std::cin : file));
  } catch (const std::exception& error) {
    throw UsageError(
        fmt::format("'{}' is not a result of `weir load --json`: {}", path, error.what()));
  }
}

int merge(const Request& request) {
  Result sum = read_result(request.files.front());
  for (std::size_t i = 1; i < request.files.size(); ++i) {
    const Result next = read_result(request.files[i]);
    if (next.protocol != sum.protocol || next.message != sum.message) {
      throw UsageError(fmt::format("'{}' is of another protocol or message size than '{}'",
                                   request.files[i], request.files.front()));
    }
    sum.add(next);
  }
  if (request.json) {
    fmt::print("{}\n", to_json(sum).dump());
  } else {
    fmt::print("{}", to_text(sum));
  }
  return 0;
}

}  // namespace

void add_report(CLI::App& tool, int& exit_code) {
  CLI::App* report = tool.add_subcommand("report", "Work on results that were kept");
  report->require_subcommand(1);
  const auto request = std::make_shared<Request>();
  CLI::App* command = report->add_subcommand(
      "merge", "Add up the results of load generators that ran at the same time");
  command->add_option("FILE", request->files, "Results of `weir load --json`; - is stdin")
      ->type_name("")
      ->required();
  command->add_flag("--json", request->json, "Print one line of JSON");
  command->callback([request, &exit_code] { exit_code = merge(*request); });
}

}  // namespace weir::cli
