#include "tests/support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "tests/support/deadline.h"

namespace support {

Child::Child(std::vector<std::string> command, Options options) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
  output_ = Fd(ends[0]);
  const Fd out(ends[1]);
  // A file, so that a program that says much never waits for its reader.
  errors_ = Fd(memfd_create("stderr", MFD_CLOEXEC));
  if (!errors_.open()) fail("memfd_create");
  pid_ = fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) exec(command, options, out.get());
  setpgid(pid_, pid_);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      ended_(std::exchange(other.ended_, true)),
      exit_code_(other.exit_code_),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      buffered_(std::move(other.buffered_)) {}

Child::~Child() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  if (!ended_) waitpid(pid_, nullptr, 0);
}

// In the child. A test has one thread, so anything may be called between fork and exec.
void Child::exec(const std::vector<std::string>& command, const Options& options, int out) const {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, STDOUT_FILENO);
  dup2(errors_.get(), STDERR_FILENO);
  close_range(3, ~0U, 0);  // Whatever the test's own parent left open.
  for (const std::string& entry : options.environment) {
    const auto equals = entry.find('=');
    setenv(entry.substr(0, equals).c_str(), entry.substr(equals + 1).c_str(), 1);
  }
  if (options.before_exec) options.before_exec();
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  std::perror(arguments[0]);
  _exit(127);
}

std::string Child::read_line() {
  const Deadline deadline;
  std::string::size_type newline = 0;
  while ((newline = buffered_.find('\n')) == std::string::npos) {
    pollfd entry{output_.get(), POLLIN, 0};
    if (poll(&entry, 1, deadline.left_ms()) == 0) throw std::runtime_error("no line came");
    std::array<char, 4096> bytes{};
    const ssize_t got = read(output_.get(), bytes.data(), bytes.size());
    if (got <= 0) return std::exchange(buffered_, "");
    buffered_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  std::string line = buffered_.substr(0, newline);
  buffered_.erase(0, newline + 1);
  return line;
}

bool Program::says(const std::string& text) {
  while (true) {
    const std::string line = read_line();
    if (line.find(text) != std::string::npos) return true;
    if (line.empty()) return false;
  }
}

std::string Child::errors() const {
  std::string all;
  std::array<char, 4096> bytes{};
  ssize_t got = 0;
  while ((got = pread(errors_.get(), bytes.data(), bytes.size(),
                      static_cast<off_t>(all.size()))) > 0) {
    all.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return all;
}

void Child::signal(int number) const {
  if (kill(pid_, number) != 0) fail("kill");
}

bool Child::try_wait() {
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, WNOHANG);
  if (ended < 0) fail("waitpid");
  if (ended == 0) return false;
  ended_ = true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

int Child::wait() {
  if (ended_) return exit_code_;
  if (!eventually([this] { return try_wait(); })) {
    throw std::runtime_error("the program does not end; it said:\n" + errors());
  }
  return exit_code_;
}

}  // namespace support
