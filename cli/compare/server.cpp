#include "cli/compare/server.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/system/accounting.h"

namespace weir::cli {
namespace {

constexpr int patience_ms = 15'000;

// The port of a line such as "weir: listening on 127.0.0.1:41234, model poll (asked for)".
std::uint16_t port_in(std::string_view line) {
  constexpr std::string_view before = "listening on 127.0.0.1:";
  const auto found = line.find(before);
  if (found == line.npos) return 0;
  line.remove_prefix(found + before.size());
  std::uint16_t port = 0;
  std::from_chars(line.data(), line.data() + line.size(), port);
  return port;
}

std::vector<std::string> weir_command(const std::string& tool, const Subject& subject,
                                      const std::vector<std::string>& options) {
  std::vector<std::string> words{tool,       "serve",       "echo",     "--model", subject.model,
                                 "--listen", "127.0.0.1:0", "--totals", "json"};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

std::vector<std::string> foreign_command(const Subject& subject, std::uint16_t port) {
  std::vector<std::string> words = subject.command;
  for (std::string& word : words) {
    if (const auto found = word.find("{port}"); found != word.npos) {
      word.replace(found, 6, std::to_string(port));
    }
  }
  return words;
}

Totals totals_in(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {json.at("accepted"), json.at("bytes_received"), json.at("bytes_sent"),
          json.at("calls")};
}

}  // namespace

MeasuredServer::MeasuredServer(const std::string& tool, const Subject& subject,
                               const std::vector<std::string>& options,
                               const std::vector<unsigned>& cpus)
    : weir_(!subject.model.empty()) {
  if (weir_) {
    child_ = std::make_unique<Child>(weir_command(tool, subject, options), cpus);
    while (port_ == 0) port_ = port_in(child_->err_line(patience_ms));
    return;
  }
  port_ = free_port();
  child_ = std::make_unique<Child>(foreign_command(subject, port_), cpus);
  for (int waited = 0; !somebody_listens(port_); waited += 10) {
    if (child_->ended() || waited > patience_ms) {
      child_->wait(100);
      const std::string words = child_->last_words();
      throw ChildError(words.empty() ? fmt::format("does not listen on port {}", port_) : words);
    }
    rest_ms(10);
  }
}

std::string MeasuredServer::address() const { return fmt::format("127.0.0.1:{}", port_); }

End MeasuredServer::stop() {
  child_->terminate();
  End end{child_->wait(patience_ms), std::nullopt};
  if (!weir_) return end;
  if (end.usage.exit_code != 0 && end.usage.exit_code != 3) {
    throw ChildError(fmt::format("the server ended with exit code {}: {}", end.usage.exit_code,
                                 child_->last_words()));
  }
  end.totals = totals_in(child_->rest());
  return end;
}

std::string MeasuredServer::command(const Subject& subject,
                                    const std::vector<std::string>& options) {
  if (subject.model.empty()) return fmt::format("{}", fmt::join(subject.command, " "));
  return fmt::format("{}", fmt::join(weir_command("weir", subject, options), " "));
}

}  // namespace weir::cli
