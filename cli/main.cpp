// main.cpp - the tool `weir`: finds the command, and turns every failure into one line.
//
// Exit codes: 0 done, 1 failed while it ran, 2 could not start (nothing was started), 3 some
// sessions were cut when the server stopped.
#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <weir/error.h>
#include "cli/commands.h"
#include "cli/log.h"

namespace weir::cli {
namespace {

// What stands there that does not belong there. CLI11 lists values before their options.
std::string not_expected(const std::vector<std::string>& extra, const char* what) {
  const auto option =
      std::ranges::find_if(extra, [](const auto& each) { return each.starts_with('-'); });
  if (option != extra.end()) return fmt::format("unknown option '{}'", *option);
  return fmt::format("{} '{}'", what, extra.front());
}

// What was wrong on the command line, in one line: CLI11 knows, but says it in its own words.
std::string complaint(const CLI::App& tool, const CLI::ParseError& error) {
  if (tool.get_subcommands().empty()) {
    std::vector<std::string> commands;
    for (const CLI::App* each : tool.get_subcommands({})) commands.push_back(each->get_name());
    const auto extra = tool.remaining();
    return fmt::format("{}; commands: {} (see weir --help)",
                       extra.empty() ? "no command" : not_expected(extra, "unknown command"),
                       fmt::join(commands, ", "));
  }
  const CLI::App& command = *tool.get_subcommands().front();
  std::string message = error.what();
  message.resize(std::min(message.find('\n'), message.size()));
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    message = not_expected(tool.remaining(true), "one argument too many:");
  }
  return fmt::format("{} (see weir {} --help)", message, command.get_name());
}

// CLI11 leaves out items of a list that are empty, without a word: "poll," would be "poll".
void refuse_empty_items(const CLI::App& command, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    if (!name.starts_with("--")) continue;
    const CLI::Option* option = command.get_option_no_throw(name);
    if (option == nullptr || option->get_delimiter() != ',') continue;
    std::string list;
    if (equals != name.npos) {
      list = words[i].substr(equals + 1);
    } else if (i + 1 < words.size()) {
      list = words[i + 1];
    }
    if (fmt::format(",{},", list).find(",,") != list.npos && !list.empty()) {
      throw UsageError(fmt::format("{} '{}': an item of the list is empty (see weir {} --help)",
                                   name, list, command.get_name()));
    }
  }
}

void set_up(CLI::App& tool, int& exit_code) {
  tool.name("weir");
  tool.require_subcommand(1);
  tool.set_version_flag("--version", "weir " WEIR_VERSION);
  tool.footer(
      "Try:  weir serve echo --model epoll-et --listen 127.0.0.1:7000\n"
      "      weir models\n"
      "`weir COMMAND --help` lists the options of a command.");
  add_serve(tool, exit_code);
  add_simulate(tool, exit_code);
  add_models(tool, exit_code);
  add_compare(tool, exit_code);
  add_explain(tool, exit_code);
  add_doctor(tool, exit_code);
  add_load(tool, exit_code);
  add_report(tool, exit_code);
}

int run(int argc, char** argv) {
  int exit_code = 0;
  CLI::App tool("TCP servers: one handler, any I/O model.");
  set_up(tool, exit_code);
  try {
    for (const CLI::App* command : tool.get_subcommands({})) {
      if (argc > 1 && command->check_name(argv[1])) {
        refuse_empty_items(*command, {argv + 2, argv + argc});
      }
    }
    tool.parse(argc, argv);
    return exit_code;
  } catch (const CLI::Success& help_or_version) {
    return tool.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    log(complaint(tool, error));
  } catch (const UsageError& error) { log(error.what()); } catch (const StartError& error) {
    log(error.what());
  }
  return 2;
}

}  // namespace
}  // namespace weir::cli

int main(int argc, char** argv) {
  try {
    return weir::cli::run(argc, argv);
  } catch (const std::exception& error) {
    weir::cli::log(error.what());
    return 1;
  }
}
