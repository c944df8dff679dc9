#include "cli/demo/server_process.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

namespace weir::demo {
namespace {

constexpr int patience_ms = 8000;

struct Child {
  pid_t pid;
  int out;  // We read its stdout here,
  int err;  // and its stderr here.
};

std::pair<int, int> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe2");
  return {ends[0], ends[1]};
}

Child start(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);

  const auto [out_read, out_write] = make_pipe();
  const auto [err_read, err_write] = make_pipe();
  const pid_t pid = fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // It does not outlive us, however we end.
    dup2(out_write, STDOUT_FILENO);
    dup2(err_write, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(out_write);
  close(err_write);
  return {pid, out_read, err_read};
}

// Appends what comes next; false at the end of the stream. A child that says nothing more and
// does not end is not waited for: that would be a demonstration without an end.
bool read_some(int fd, std::string& text) {
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  if (poll(&readable, 1, patience_ms) == 0) throw ServerError("neither speaks nor ends");

  std::array<char, 4096> buffer;
  ssize_t count;
  do { count = read(fd, buffer.data(), buffer.size()); } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

std::string read_all(int fd) {
  std::string text;
  while (read_some(fd, text)) continue;
  return text;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// The port of a line such as "weir: listening on 127.0.0.1:41234, model poll (asked for)"; 0 as
// long as that line is not there, whole.
std::uint16_t port_in(std::string_view text) {
  constexpr std::string_view before = "listening on 127.0.0.1:";
  const auto found = text.find(before);
  if (found == text.npos || text.find('\n', found) == text.npos) return 0;
  text.remove_prefix(found + before.size());
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

}  // namespace

std::vector<ModelHere> models_here(const std::string& tool) {
  const Child child = start({tool, "models", "--json"});
  const std::string text = read_all(child.out);
  close(child.out);
  close(child.err);
  if (wait_for(child.pid) != 0) throw ServerError(tool + " models --json failed");

  std::vector<ModelHere> models;
  for (const auto& each : nlohmann::json::parse(text)) {
    models.push_back({each.at("model"), each.at("available"), each.at("reason")});
  }
  return models;
}

ServerProcess::ServerProcess(const std::string& tool, std::string_view model) {
  const Child child = start({tool, "serve", "echo", "--model", std::string(model), "--listen",
                             "127.0.0.1:0", "--totals", "json"});
  pid_ = child.pid;
  out_ = child.out;
  err_ = child.err;
}

void ServerProcess::wait_until_listening() {
  while ((port_ = port_in(said_)) == 0) {
    if (read_some(err_, said_)) continue;
    const int exit_code = wait_for_end();
    throw ServerError(
        fmt::format("did not start (exit code {}): {}", exit_code, last_line(said_)));
  }
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    wait_for_end();
  }
}

Totals ServerProcess::stop() {
  kill(pid_, SIGTERM);
  const std::string json = read_all(out_);
  said_ += read_all(err_);
  const int exit_code = wait_for_end();
  if (exit_code != 0) {
    throw ServerError(fmt::format("ended with exit code {}: {}", exit_code, last_line(said_)));
  }
  const auto totals = nlohmann::json::parse(json);
  return {.accepted = totals.at("accepted"),
          .closed = totals.at("closed"),
          .bytes_received = totals.at("bytes_received"),
          .bytes_sent = totals.at("bytes_sent"),
          .calls = totals.at("calls"),
          .cpu_us = totals.at("cpu_us")};
}

int ServerProcess::wait_for_end() {
  close(out_);
  close(err_);
  return wait_for(std::exchange(pid_, -1));
}

}  // namespace weir::demo
