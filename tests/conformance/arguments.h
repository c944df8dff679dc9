// arguments.h - the command line of the server under test, and the line it ends with.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <weir/options.h>
#include <weir/statistics.h>

#include "tests/conformance/handlers.h"

namespace conformance {

/// The command line: a handler, then pairs of an option and its value.
struct Arguments {
  std::string handler;
  std::vector<std::string> listen;
  std::map<std::string, std::string> values;

  bool has(const std::string& name) const { return values.contains(name); }
  std::string text(const std::string& name) const {
    return has(name) ? values.at(name) : std::string();
  }
  std::size_t number(const std::string& name, std::size_t otherwise) const {
    return has(name) ? std::stoul(values.at(name)) : otherwise;
  }
};

/// Of the words behind the program's name. Throws std::invalid_argument.
Arguments parse(const std::vector<std::string>& words);
/// Workers, limits and deadlines; not where to listen.
weir::Options options_from(const Arguments& arguments);
/// Without `report` and `stop`.
Settings settings_from(const Arguments& arguments);
/// "totals accepted=1 closed=1 ..."
std::string totals_line(const weir::Statistics& totals);

}  // namespace conformance
