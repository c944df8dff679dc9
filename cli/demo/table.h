// table.h - the demonstration's table, a row at a time, and what can be read from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::demo {

struct Row {
  std::string model;
  unsigned clients = 0;        ///< served to the end
  std::uint64_t requests = 0;  ///< answered
  double requests_per_s = 0;
  double cpu_us = 0;    ///< of the server, a request
  double calls = 0;     ///< of the server, a request
  bool at_once = true;  ///< its clients came all at once
  bool available = true;
  bool good = false;
  std::string verdict;
};

void print_head();
void print_row(const Row& row);
/// Two or three sentences computed from the good rows.
void print_reading(const std::vector<Row>& rows);

}  // namespace weir::demo
