#include "cli/admission.h"

#include <chrono>

#include <CLI/CLI.hpp>

#include <weir/error.h>
#include <weir/network.h>
#include "cli/checks.h"

namespace weir::cli {
namespace {

CLI::Validator network() {
  const auto check = [](const std::string& text) -> std::string {
    try {
      Network::parse(text);
      return "";
    } catch (const StartError& error) { return error.what(); }
  };
  return CLI::Validator(check, "");
}

void add_networks(CLI::App& command, const char* name, std::vector<std::string>& networks,
                  const char* help) {
  command.add_option(name, networks, help)
      ->check(network())
      ->allow_extra_args(false)
      ->type_name("NET");
}

std::vector<Network> parsed(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const std::string& text : texts) networks.push_back(Network::parse(text));
  return networks;
}

}  // namespace

void add_admission_options(CLI::App& command, AdmissionRequest& request) {
  add_networks(command, "--allow", request.allow,
               "Serve only clients from there: 10.0.0.0/8, ::1; may be repeated");
  add_networks(command, "--deny", request.deny,
               "Close clients from there at once, also those of --allow; may be repeated");
  add_networks(command, "--proxy-from", request.proxy_from,
               "Proxies, whose PROXY header (v1, v2) says who the client is; also unix:");
  command.add_flag("--proxy-only", request.proxy_only,
                   "Refuse whoever does not come from one of --proxy-from");
  add_value(command, "--proxy-header", "MS", request.proxy_header_ms, number(0, 7'200'000),
            "Milliseconds that a proxy has to send its header; 0: no deadline");
}

void apply(const AdmissionRequest& request, Options& options) {
  options.allow = parsed(request.allow);
  options.deny = parsed(request.deny);
  options.proxy_from = parsed(request.proxy_from);
  options.proxy_only = request.proxy_only;
  options.proxy_header = std::chrono::milliseconds(request.proxy_header_ms);
}

}  // namespace weir::cli
