// admission.h - options of `weir serve` on who is let in, and whose word is taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weir/options.h>

namespace CLI {
class App;
}

namespace weir::cli {

/// As it was given on the command line.
struct AdmissionRequest {
  std::vector<std::string> allow, deny, proxy_from;
  bool proxy_only = false;
  std::int64_t proxy_header_ms = Options{}.proxy_header.count();
};

void add_admission_options(CLI::App& command, AdmissionRequest& request);

/// Requires: the command line was read, which has checked it.
void apply(const AdmissionRequest& request, Options& options);

}  // namespace weir::cli
