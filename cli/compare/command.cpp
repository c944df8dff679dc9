// command.cpp - `weir compare`: one handler on several models, under the same load, in one run.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/compare/comparison_json.h"
#include "cli/compare/html.h"
#include "cli/compare/reading.h"
#include "cli/compare/runner.h"
#include "cli/compare/table.h"
#include "cli/log.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/system/accounting.h"
#include "cli/system/machine.h"
#include "cli/system/terminal.h"

namespace weir::cli {
namespace {

// The command line of `weir compare`, as it was given.
struct Asked {
  std::vector<std::string> models{"all"};
  std::vector<std::string> against;
  std::string reference;
  Lists lists{{1, 64, 1000}, {0, 1000, 10'000}, {64, 16'384}, {1, 16}};
  bool all_combinations = false;
  bool quick = false;
  unsigned repeats = 5;
  double duration_s = 1;
  double warm_up_s = 0.2;
  std::uint64_t seed = 0;
  std::vector<unsigned> server_cpus;
  std::vector<unsigned> load_cpus;
  std::string json;
  std::string html = "weir-report.html";
};

// --- whom ------------------------------------------------------------------------------------

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Subject foreign(const std::string& given) {
  const auto equals = given.find('=');
  Subject subject;
  if (equals != given.npos && equals > 0) {
    subject.name = given.substr(0, equals);
    subject.command = words_of(given.substr(equals + 1));
  }
  const bool has_port = std::ranges::any_of(
      subject.command, [](const std::string& word) { return word.find("{port}") != word.npos; });
  if (!has_port) {
    throw UsageError(fmt::format("--against '{}' is not 'NAME=COMMAND ... {{port}}'", given));
  }
  if (!program_exists(subject.command.front())) {
    throw UsageError(
        fmt::format("--against '{}': there is no program '{}'", given, subject.command.front()));
  }
  return subject;
}

std::vector<Subject> subjects_of(const Asked& asked) {
  std::vector<Subject> subjects;
  const auto add = [&](std::string_view model) {
    subjects.push_back({std::string(model), std::string(model), {}, false});
  };
  for (const std::string& each : asked.models) {
    if (each == "all") {
      for (const ModelInfo& info : models()) {
        if (info.name != "simulated") add(info.name);
      }
    } else {
      add(name(model_of(each) == Model::automatic ? choose_model().model : model_of(each)));
    }
  }
  for (const std::string& each : asked.against) subjects.push_back(foreign(each));
  return subjects;
}

// The one asked for, else epoll-et, else the first that works here.
std::size_t reference_among(const std::vector<Subject>& subjects, const std::string& asked) {
  const auto place = [&](const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(subjects, name, &Subject::name) -
                                    subjects.begin());
  };
  if (!asked.empty()) {
    if (place(asked) == subjects.size()) {
      throw UsageError(fmt::format("--reference '{}' does not take part", asked));
    }
    return place(asked);
  }
  const std::string usual(name(Model::epoll_et));
  if (place(usual) < subjects.size()) return place(usual);
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const std::string& model = subjects[i].model;
    if (model.empty() || availability(*model_named(model)).available) return i;
  }
  return 0;
}

void set_up_subjects(Comparison& comparison, const Asked& asked) {
  comparison.subjects = subjects_of(asked);
  comparison.reference = reference_among(comparison.subjects, asked.reference);
  Subject control = comparison.subjects[comparison.reference];
  control.name += " (A/A)";
  control.again = true;
  comparison.subjects.push_back(std::move(control));
}

// --- how -------------------------------------------------------------------------------------

Asked with_quick(Asked asked) {
  if (!asked.quick) return asked;
  asked.lists = {{1, 64}, {0, 1000}, {64}, {1}};
  asked.repeats = 3;
  asked.duration_s = 0.2;
  asked.warm_up_s = 0.05;
  return asked;
}

void check_cpus(const char* option, const std::vector<unsigned>& wanted,
                const std::vector<unsigned>& allowed) {
  for (const unsigned cpu : wanted) {
    if (std::ranges::find(allowed, cpu) != allowed.end()) continue;
    throw UsageError(fmt::format("{}: there is no CPU {} for us here; there are {}", option, cpu,
                                 fmt::join(allowed, ",")));
  }
}

Conditions conditions_of(const Asked& asked) {
  Conditions conditions;
  conditions.tool = own_path();
  conditions.warm_up_s = asked.warm_up_s;
  conditions.duration_s = asked.duration_s;
  conditions.descriptors = raise_descriptor_limit();
  const std::vector<unsigned> cpus = allowed_cpus();
  check_cpus("--server-cpus", asked.server_cpus, cpus);
  check_cpus("--load-cpus", asked.load_cpus, cpus);
  conditions.server_cpus = asked.server_cpus;
  conditions.load_cpus = asked.load_cpus;
  if (cpus.size() > 1 && asked.server_cpus.empty() && asked.load_cpus.empty()) {
    conditions.server_cpus = {cpus.back()};
    conditions.load_cpus.assign(cpus.begin(), cpus.end() - 1);
  }
  constexpr std::size_t workers_max = 4;
  conditions.load_workers =
      static_cast<unsigned>(std::clamp<std::size_t>(conditions.load_cpus.size(), 1, workers_max));
  stay_on(conditions.load_cpus);
  return conditions;
}

void describe_run(Comparison& comparison, const Asked& asked, const Conditions& conditions) {
  comparison.seconds = asked.duration_s;
  comparison.seed = asked.seed;
  comparison.server_cpus = conditions.server_cpus;
  comparison.load_cpus = conditions.load_cpus;
  comparison.machine = describe_machine();
  comparison.date = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
  for (const Subject& subject : comparison.subjects) {
    if (subject.again) continue;
    comparison.commands.push_back(MeasuredServer::command(subject, conditions.serve_options));
  }
  for (const CellResult& cell : comparison.cells) {
    comparison.commands.push_back(Trials::load_command(cell.cell, conditions));
  }
  if (conditions.server_cpus.empty()) {
    comparison.notes.push_back(
        "Server and generator share this machine's only CPU: requests/s are of both together");
  }
}

void show_progress(const std::string& what, std::size_t done, std::size_t all) {
  if (stderr_is_terminal()) {
    fmt::print(stderr, "\r\x1b[K{:3.0f} %  {}",
               100.0 * static_cast<double>(done) / static_cast<double>(all), what);
    std::fflush(stderr);
  }
}

void write_results(const Comparison& comparison, const Asked& asked) {
  const std::string json = to_json(comparison).dump();
  if (!asked.json.empty()) write_file(asked.json, json + "\n");
  if (asked.html.empty()) return;
  if (!has_report()) {
    fmt::print("\nThe report as a page needs npm when weir is built; there was none.\n");
    return;
  }
  write_file(asked.html, report_page(json));
  fmt::print("\nReport: {}\n", std::filesystem::absolute(asked.html).string());
}

int compare(const Asked& given, const std::string& command) {
  const Asked asked = with_quick(given);
  if (!asked.json.empty()) check_writable(asked.json);
  if (!asked.html.empty() && has_report()) check_writable(asked.html);
  Comparison comparison;
  comparison.command = command;
  set_up_subjects(comparison, asked);
  for (const Cell& cell :
       asked.all_combinations ? product_of(asked.lists) : star_of(asked.lists)) {
    comparison.cells.push_back({cell, {}});
  }
  const Conditions conditions = conditions_of(asked);
  describe_run(comparison, asked, conditions);

  RunnerOptions how;
  how.repeats = asked.repeats;
  how.seed = asked.seed != 0 ? asked.seed : static_cast<std::uint64_t>(std::time(nullptr));
  how.budget_s = asked.quick ? 48 : 0;
  how.progress = show_progress;
  comparison.seed = how.seed;
  Trials trials(conditions);
  run_all(comparison, trials, conditions, how);
  if (stderr_is_terminal()) fmt::print(stderr, "\r\x1b[K");

  fmt::print("{}", tables(comparison, stdout_columns()));
  write_results(comparison, asked);
  return all_well(comparison) ? 0 : 1;
}

// --- the command line ------------------------------------------------------------------------

// The options as they were given.
std::string given_words(const CLI::App& command) {
  std::string text = "weir compare";
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    text += " " + option->get_name();
    if (option->get_items_expected_max() > 0) {
      text += fmt::format(" '{}'", fmt::join(option->results(), ","));
    }
  }
  return text;
}

template <class T>
void add_list(CLI::App& command, const char* name, const char* unit, std::vector<T>& values,
              const CLI::Validator& check, const char* help) {
  command.add_option(name, values, help)
      ->delimiter(',')
      ->transform(check)
      ->type_name(unit)
      ->allow_extra_args(false)
      ->capture_default_str();
}

void add_what(CLI::App& command, Asked& asked) {
  command.add_option("--models", asked.models, "Which models, separated by commas; or all")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LIST")
      ->capture_default_str();
  command
      .add_option(
          "--against", asked.against,
          "Measure a foreign echo server, too: 'NAME=COMMAND ... {port}'; may be repeated")
      ->allow_extra_args(false)
      ->type_name("TEXT");
  command
      .add_option("--reference", asked.reference,
                  "Whom the others are compared with, and who runs twice to show the noise "
                  "(default: epoll-et)")
      ->type_name("NAME");
  add_list(command, "--connections", "LIST", asked.lists.connections, number(1, 1'000'000),
           "Connections that send requests");
  add_list(command, "--idle", "LIST", asked.lists.idle, number(0, 1'000'000),
           "Further connections that stay silent");
  add_list(command, "--message", "LIST", asked.lists.message, size_in_bytes(1),
           "Sizes of the messages (also 16k)");
  add_list(command, "--pipeline", "LIST", asked.lists.pipeline, number(1, 65'536),
           "Requests that a connection has in flight");
  command.add_flag("--all-combinations", asked.all_combinations,
                   "Every combination of these lists, not one list at a time");
}

void add_how(CLI::App& command, Asked& asked) {
  command.add_flag("--quick", asked.quick, "A small selection, in less than a minute");
  add_value(command, "--duration", "S", asked.duration_s, positive_number(),
            "Seconds that each run is measured");
  add_value(command, "--warm-up", "S", asked.warm_up_s, number_from_zero(),
            "Seconds of the same load before");
  add_value(command, "--repeats", "N", asked.repeats, number(1, 1000),
            "Runs of each, interleaved with the others'");
  add_list(command, "--server-cpus", "LIST", asked.server_cpus, number(0, 1023),
           "CPUs for the servers (default: the last one)");
  add_list(command, "--load-cpus", "LIST", asked.load_cpus, number(0, 1023),
           "CPUs for the generator (default: the others)");
  add_value(command, "--seed", "N", asked.seed, number(0, INT64_MAX),
            "Of the order and the messages; 0: a new one each time");
  command.add_option("--json", asked.json, "Write everything, raw data included, to this file")
      ->type_name("FILE");
  command.add_option("--html", asked.html, "Write the report to this file; '' for none")
      ->type_name("FILE")
      ->capture_default_str();
}

}  // namespace

void add_compare(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<Asked>();
  CLI::App* command = tool.add_subcommand(
      "compare", "Measure the models against each other, under the same load, on this machine");
  command->footer(
      "Each list is varied with the others at their base: the middle of --connections, the "
      "least\n"
      "of the others. docs/MEASURING.md tells how to read the result.\n"
      "Try:  weir compare --quick\n"
      "      weir compare --models poll,epoll-et --idle 0,1000,10000\n"
      "      weir compare --against 'socat=socat TCP-LISTEN:{port},fork,reuseaddr EXEC:cat'");
  add_what(*command, *asked);
  add_how(*command, *asked);
  command->callback(
      [asked, command, &exit_code] { exit_code = compare(*asked, given_words(*command)); });
}

}  // namespace weir::cli
