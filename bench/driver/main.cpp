// main.cpp - the measuring program: who is measured, under what, in which order.
//
// Question: what does a request cost the server, as a ratio to a bare loop in C?
// Unit: server CPU (user and system) a request, divided by that of the reference's last turn, at
// most three turns before. What makes it hold on a noisy machine: all subjects are up at once and
// take short turns.
#include <signal.h>
#include <sys/resource.h>

#include <fmt/format.h>
#include <algorithm>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "choice.h"
#include "correctness.h"
#include "exact.h"
#include "panel.h"
#include "process.h"
#include "report.h"
#include "subject.h"

namespace {

struct Arguments {
  bench::Schedule schedule;
  bool exact = false;
  bool smoke = false;
  bool list = false;
  std::vector<std::string> only;
  std::vector<std::string> subjects;
  std::string json;
  std::string programs;
  std::int64_t turn_ms = 0;
  int nice = 0;
};

/// Cells and subjects by name, as the patterns choose them. Throws std::invalid_argument.
void resolve(Arguments& arguments) {
  std::vector<std::string> cells, subjects;
  for (const bench::Cell& cell : arguments.smoke ? bench::smoke_cells() : bench::all_cells()) {
    cells.push_back(cell.name);
  }
  for (const bench::Subject& subject : bench::all_subjects()) subjects.push_back(subject.name);
  arguments.only = bench::choose(arguments.only, cells, "cell");
  arguments.subjects = bench::choose(arguments.subjects, subjects, "subject");
}

std::vector<bench::Cell> choose_cells(const Arguments& arguments,
                                      std::set<std::string>& left_out) {
  std::vector<bench::Cell> cells;
  for (bench::Cell& cell : arguments.smoke ? bench::smoke_cells() : bench::all_cells()) {
    if (!bench::contains(arguments.only, cell.name)) continue;
    if (arguments.turn_ms > 0) cell.turn_ms = arguments.turn_ms;
    std::erase_if(cell.contests, [&](const bench::Contest& contest) {
      if (!bench::contains(arguments.subjects, contest.subject.subject)) return true;
      for (const auto* entry : {&contest.subject, &contest.reference}) {
        if (bench::is_built(bench::subject(entry->subject))) continue;
        left_out.insert(entry->subject);
        return true;
      }
      return false;
    });
    if (!cell.contests.empty()) cells.push_back(cell);
  }
  return cells;
}

/// Every subject echoes every byte, or nothing is measured.
void check_subjects(const std::vector<bench::Cell>& cells, const bench::Schedule& schedule) {
  std::set<std::string> names;
  for (const bench::Cell& cell : cells) {
    for (const bench::Contest& contest : cell.contests) {
      names.insert(contest.subject.subject);
      names.insert(contest.reference.subject);
    }
  }
  bench::Launch upstream;
  upstream.command = bench::command_of(bench::subject("bare:epoll-et"));
  upstream.cpu = schedule.server_cpu;
  const bench::Process upstream_process(upstream);
  for (const std::string& name : names) {
    const bench::Subject& subject = bench::subject(name);
    bench::Launch launch;
    launch.command = bench::command_of(subject, upstream_process.port());
    launch.cpu = schedule.server_cpu;
    launch.log = schedule.server_log;
    const bench::Process process(launch);
    try {
      bench::check_echo(process.port(), subject.one_client, schedule.seed);
    } catch (const std::exception& error) {
      throw std::runtime_error(name + ": " + error.what());
    }
  }
  fmt::print("{} subjects checked byte for byte\n", names.size());
}

void measure(const Arguments& arguments, nlohmann::json& json) {
  std::set<std::string> left_out;
  const std::vector<bench::Cell> cells = choose_cells(arguments, left_out);
  for (const std::string& name : left_out) fmt::print("not built, left out: {}\n", name);
  check_subjects(cells, arguments.schedule);
  std::vector<bench::CellResult> results;
  for (const bench::Cell& cell : cells) {
    results.push_back(bench::run_cell(cell, arguments.schedule));
    bench::print(results.back());
    json["cells"].push_back(bench::to_json(results.back()));
  }
  if (arguments.smoke) return;  // A few short turns say nothing about speed.
  const auto goals = bench::judge(bench::all_goals(), results);
  bench::print(goals);
  json["goals"] = bench::to_json(goals);
}

void list() {
  fmt::print("cells:\n");
  for (const bench::Cell& cell : bench::all_cells())
    fmt::print("  {:<16} {}\n", cell.name, cell.title);
  fmt::print("subjects:\n");
  for (const bench::Subject& subject : bench::all_subjects()) {
    fmt::print("  {:<24} {}\n", subject.name, bench::is_built(subject) ? "" : "not built");
  }
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Measures TCP echo servers against bare loops, in turns."};
  app.add_flag("--exact", arguments.exact,
               "Only what can be counted: instructions, system calls, "
               "allocations, memory");
  app.add_flag("--smoke", arguments.smoke, "A few short turns, to see that everything works");
  app.add_flag("--list", arguments.list, "Print the names of cells and subjects");
  app.add_option("--only", arguments.only, "Cells with this name, or whose names begin so")
      ->delimiter(',');
  app.add_option("--subjects", arguments.subjects,
                 "Subjects with this name, or whose names begin so")
      ->delimiter(',');
  app.add_option("--rounds", arguments.schedule.rounds, "Rounds; in open loop twice as many")
      ->check(CLI::Range(1, 10000));
  app.add_option("--generations", arguments.schedule.generations,
                 "How often all servers are started, each time for a part of the rounds")
      ->check(CLI::Range(1, 1000));
  app.add_option("--turn-ms", arguments.turn_ms, "Length of a turn; default: the cell's");
  app.add_option("--seed", arguments.schedule.seed, "Of the order of turns");
  app.add_option("--server-cpu", arguments.schedule.server_cpu, "CPU of the servers");
  app.add_option("--client-cpu", arguments.schedule.client_cpu, "CPU of the client");
  app.add_option(
      "--nice", arguments.nice,
      "Priority of servers and client, -20 to 19: keeps other work on this machine out of "
      "the latencies; needs privilege");
  app.add_option("--server-log", arguments.schedule.server_log, "File for the servers' stderr");
  app.add_option("--programs", arguments.programs, "Directory of the programs");
  app.add_option("--json", arguments.json, "Write everything to this file");
  try {
    app.parse(argc, argv);
    resolve(arguments);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    std::exit(2);
  }
  if (arguments.smoke) arguments.schedule.rounds = 2;
  return arguments;
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = parse(argc, argv);
  if (!arguments.programs.empty()) bench::set_program_directory(arguments.programs);
  if (arguments.list) {
    list();
    return 0;
  }
  if (arguments.nice != 0 && setpriority(PRIO_PROCESS, 0, arguments.nice) != 0) {
    bench::fail("--nice");
  }
  signal(SIGPIPE, SIG_IGN);
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);

  nlohmann::json json = {{"machine", bench::describe_machine()},
                         {"rounds", arguments.schedule.rounds},
                         {"generations", arguments.schedule.generations}};
  bench::pin_to_cpu(arguments.schedule.client_cpu);
  if (arguments.exact) {
    json["exact"] = bench::count_exactly(arguments.subjects,
                                         {arguments.smoke, arguments.schedule.server_cpu});
  } else {
    measure(arguments, json);
  }
  if (!arguments.json.empty()) std::ofstream(arguments.json) << json.dump(1) << '\n';
  return 0;
} catch (const std::exception& error) {
  std::fflush(stdout);
  fmt::print(stderr, "bench: {}\n", error.what());
  return 1;
}
