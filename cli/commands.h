// commands.h - the commands of the tool, one file each, and what they share.
#pragma once

#include <stdexcept>

namespace CLI {
class App;
}

namespace weir::cli {

/// What the user asked for cannot be: printed as one line, exit code 2, nothing was started.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Each adds its command to the tool; the command runs when the command line has been parsed,
/// and leaves the tool's exit code. Both arguments must outlive the parsing.
void add_compare(CLI::App& tool, int& exit_code);
void add_doctor(CLI::App& tool, int& exit_code);
void add_explain(CLI::App& tool, int& exit_code);
void add_load(CLI::App& tool, int& exit_code);
void add_models(CLI::App& tool, int& exit_code);
void add_report(CLI::App& tool, int& exit_code);
void add_serve(CLI::App& tool, int& exit_code);
void add_simulate(CLI::App& tool, int& exit_code);

}  // namespace weir::cli
