// command.cpp - `weir load`: puts load on a server and tells how it bore it.
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/load/exchange.h"
#include "cli/load/generator.h"
#include "cli/names.h"
#include "cli/system/terminal.h"

namespace weir::cli {
namespace {

// The command line of `weir load`, as it was given.
struct Asked {
  std::string address;
  std::string protocol = "echo";
  std::string request = "GET / HTTP/1.1";
  std::string arrivals = "constant";
  std::string model = "automatic";
  double warm_up_s = 1;
  double duration_s = 5;
  double timeout_s = 5;
  bool json = false;
  Load load;
};

std::string request_text(const std::string& given) {
  if (!given.starts_with('@')) return given;
  std::ifstream file(given.substr(1), std::ios::binary);
  if (!file) throw UsageError(fmt::format("cannot read the request from '{}'", given.substr(1)));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::chrono::nanoseconds duration_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(seconds));
}

int load(const Asked& asked) {
  Load load = asked.load;
  load.server = Endpoint::parse(asked.address);
  if (load.server.family != Endpoint::Family::unix_socket && load.server.port == 0) {
    throw UsageError(fmt::format("'{}' has no port to connect to", asked.address));
  }
  load.protocol = asked.protocol == "http" ? Protocol::http : Protocol::echo;
  load.request = http_request(request_text(asked.request), load.server);
  load.arrivals = asked.arrivals == "poisson" ? Arrivals::poisson : Arrivals::constant;
  load.model = model_of(asked.model);
  load.warm_up = duration_of(asked.warm_up_s);
  load.duration = duration_of(asked.duration_s);
  load.timeout = duration_of(asked.timeout_s);
  load.progress = stderr_is_terminal() && !load.phases;
  if (load.workers > load.connections) {
    throw UsageError(fmt::format("{} workers need as many connections, not {}", load.workers,
                                 load.connections));
  }
  if (load.churn && load.pipeline > 1) {
    throw UsageError("--churn makes one exchange on each connection: no --pipeline");
  }
  const Result result = generate(load);
  if (asked.json) {
    fmt::print("{}\n", to_json(result).dump());
  } else {
    fmt::print("{}", to_text(result));
  }
  const bool answered = result.requests > 0 || load.duration.count() == 0;
  return result.error_count() == 0 && answered ? 0 : 1;
}

void add_what(CLI::App& command, Asked& asked) {
  Load& load = asked.load;
  add_value(command, "--protocol", "NAME", asked.protocol, one_of({"echo", "http"}),
            "echo: random messages must come back, byte for byte; http: HTTP/1.1 requests");
  command
      .add_option("--request", asked.request,
                  "http: a request line, or @FILE with a whole request; its replies are counted "
                  "by status")
      ->type_name("TEXT")
      ->capture_default_str();
  add_value(command, "--message", "BYTES", load.message, size_in_bytes(1),
            "echo: size of each message (also 16k, 1M)");
  add_value(command, "--connections", "N", load.connections, number(1, 1'000'000),
            "Connections that send requests");
  add_value(command, "--idle", "N", load.idle, number(0, 10'000'000),
            "Further connections that stay silent");
  add_value(command, "--pipeline", "N", load.pipeline, number(1, 65'536),
            "Requests that a connection may have in flight");
  command.add_flag("--churn", load.churn, "Connect, one exchange, close; again and again");
  add_value(command, "--rate", "N", load.rate, positive_number(),
            "Open loop: requests a second, due whether replies come or not; latency counts from "
            "when each was due");
  add_value(command, "--arrivals", "KIND", asked.arrivals, one_of({"constant", "poisson"}),
            "Open loop: how the requests are spread");
}

void add_how(CLI::App& command, Asked& asked) {
  Load& load = asked.load;
  add_value(command, "--duration", "S", asked.duration_s, number_from_zero(),
            "Seconds that are measured; 0: connect and close only");
  add_value(command, "--warm-up", "S", asked.warm_up_s, number_from_zero(),
            "Seconds of the same load before");
  add_value(command, "--timeout", "S", asked.timeout_s, positive_number(),
            "Seconds to wait for a connect, and for the last replies");
  add_value(command, "--workers", "N", load.workers, number(1, 1024), "Threads that generate");
  command.add_option("--model", asked.model, "How the generator itself waits")
      ->type_name("MODEL")
      ->capture_default_str();
  add_value(command, "--seed", "N", load.seed, number(0, INT64_MAX),
            "Of the messages and the arrivals");
  command.add_flag("--json", asked.json,
                   "Print one line of JSON, which `weir report merge` can read");
  command.add_flag("--phases", load.phases,
                   "For programs: have each connection answered once before it begins; print "
                   "each phase; wait for a line on stdin when connected and before closing");
}

}  // namespace

void add_load(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<Asked>();
  CLI::App* command =
      tool.add_subcommand("load", "Put load on a server, check every reply, tell the latencies");
  command->footer(
      "Try:  weir load 127.0.0.1:7000 --connections 64 --duration 10\n"
      "      weir load 127.0.0.1:7000 --rate 20000 --arrivals poisson\n"
      "      weir load 127.0.0.1:8080 --protocol http --request 'GET / HTTP/1.1'\n"
      "Exit code: 0 every reply was right, 1 there were errors, 2 it could not start.");
  command->add_option("ADDRESS", asked->address, "The server: 127.0.0.1:7000, unix:/path")
      ->type_name("")
      ->required();
  add_what(*command, *asked);
  add_how(*command, *asked);
  command->callback([asked, &exit_code] { exit_code = load(*asked); });
}

}  // namespace weir::cli
