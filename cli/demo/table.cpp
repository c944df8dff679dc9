#include "cli/demo/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

#include <fmt/format.h>

namespace weir::demo {
namespace {

std::string with_commas(std::uint64_t number) {
  if (number < 1000) return std::to_string(number);
  return with_commas(number / 1000) + fmt::format(",{:03}", number % 1000);
}

std::string whole(double number) {
  return with_commas(static_cast<std::uint64_t>(std::llround(number)));
}

void print_cells(std::string_view model, std::string_view clients, std::string_view requests,
                 std::string_view rate, std::string_view cpu, std::string_view calls,
                 std::string_view verdict) {
  fmt::print("{:<11}  {:>7}  {:>9}  {:>10}  {:>14}  {:>13}  {}\n", model, clients, requests, rate,
             cpu, calls, verdict);
  std::fflush(stdout);
}

}  // namespace

void print_head() {
  print_cells("model", "clients", "requests", "requests/s", "CPU us/request", "calls/request",
              "verdict");
}

void print_row(const Row& row) {
  if (row.requests == 0) return print_cells(row.model, "-", "-", "-", "-", "-", row.verdict);
  print_cells(row.model, std::to_string(row.clients), with_commas(row.requests),
              whole(row.requests_per_s), fmt::format("{:.2f}", row.cpu_us),
              fmt::format("{:.2f}", row.calls), row.verdict);
}

// Only rows that can be compared are: those that served all their clients at once, and well.
void print_reading(const std::vector<Row>& rows) {
  std::vector<Row> fair;
  std::ranges::copy_if(rows, std::back_inserter(fair),
                       [](const Row& row) { return row.good && row.at_once; });
  if (fair.size() < 2) return;

  const auto [fewest, most] = std::ranges::minmax(fair, {}, &Row::calls);
  fmt::print(
      "\nOf the models that serve many clients at once, {} needed the fewest system calls "
      "a request\n({:.2f}) and {} the most ({:.2f}). ",
      fewest.model, fewest.calls, most.model, most.calls);
  const auto [least, dearest] = std::ranges::minmax(fair, {}, &Row::cpu_us);
  fmt::print("{} used the least CPU a request; {} used {:.1f} times as much.\n", least.model,
             dearest.model, dearest.cpu_us / least.cpu_us);
  const Row& first = *std::ranges::max_element(fair, {}, &Row::requests_per_s);
  fmt::print("{} answered the most requests: {} a second.\n", first.model,
             whole(first.requests_per_s));
}

}  // namespace weir::demo
