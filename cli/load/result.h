// result.h - what a load has brought: of one worker, of a run, or of several runs merged.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <weir/histogram.h>

#include "cli/load/load.h"

namespace weir::cli {

/// Latencies are in nanoseconds.
struct Result {
  // How it was made.
  std::string server;
  std::string protocol;
  std::string loop;  ///< "closed", "open, constant" or "open, poisson"
  double rate = 0;   ///< asked for, requests a second; 0 in a closed loop
  std::uint64_t connections = 0;
  std::uint64_t idle = 0;
  std::uint64_t message = 0;
  std::uint64_t pipeline = 1;
  bool churn = false;
  std::uint64_t workers = 0;
  std::string model;
  double seconds = 0;  ///< of measuring

  // What came of it.
  std::uint64_t requests = 0;  ///< answered in full and rightly
  double requests_per_s = 0;
  std::uint64_t requests_ever = 0;   ///< with those outside the measured time
  std::uint64_t greetings = 0;       ///< of these: one for each connection before it began
  std::uint64_t bytes_received = 0;  ///< over the whole run
  std::map<std::string, std::uint64_t> errors;
  std::map<std::string, std::uint64_t> statuses;  ///< http
  Histogram latency;                              ///< from the moment a request was due
  Histogram service;  ///< from the moment it was sent; in a closed loop the same
  Histogram connects;
  double cpu_s = 0;  ///< of the generator, while it measured

  std::uint64_t error_count() const noexcept;
  /// How much of its CPUs the generator used, from 0 to 1.
  double busy() const noexcept;
  /// Adds the result of another generator that ran at the same time.
  void add(const Result& other);
};

nlohmann::ordered_json to_json(const Result& result);
/// Throws nlohmann::json::exception for a document that is no result.
Result result_from_json(const nlohmann::ordered_json& document);

/// Several lines for people.
std::string to_text(const Result& result);

}  // namespace weir::cli
