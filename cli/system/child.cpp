#include "cli/system/child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::cli {
namespace {

[[noreturn]] void throw_errno(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe2");
  return {ends[0], ends[1]};
}

void run_on(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const unsigned cpu : cpus) CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

// Appends what comes within the patience. 1: something came; 0: nothing; -1: the stream's end.
int read_some(int fd, std::string& text, int patience_ms) {
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  const int ready = poll(&readable, 1, patience_ms);
  if (ready <= 0) return ready == 0 || errno == EINTR ? 0 : -1;
  std::array<char, 65536> buffer;
  ssize_t count;
  do { count = read(fd, buffer.data(), buffer.size()); } while (count < 0 && errno == EINTR);
  if (count <= 0) return -1;
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return 1;
}

std::int64_t microseconds(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

}  // namespace

bool program_exists(const std::string& program) {
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::istringstream directories(path != nullptr ? path : "/bin:/usr/bin");
  for (std::string each; std::getline(directories, each, ':');) {
    if (access((each + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Child::Child(const std::vector<std::string>& command, const std::vector<unsigned>& cpus) {
  std::vector<char*> arguments;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  const Pipe in = make_pipe();
  const Pipe out = make_pipe();
  const Pipe err = make_pipe();
  pid_ = fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // It does not outlive us, however we end.
    setpgid(0, 0);
    run_on(cpus);
    dup2(in.read, STDIN_FILENO);
    dup2(out.write, STDOUT_FILENO);
    dup2(err.write, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    const std::string why =
        fmt::format("cannot run '{}': {}\n", command[0], std::generic_category().message(errno));
    [[maybe_unused]] const ssize_t told = write(STDERR_FILENO, why.data(), why.size());
    _exit(127);
  }
  setpgid(pid_, pid_);  // Here too: whoever is first.
  close(in.read);
  close(out.write);
  close(err.write);
  in_ = in.write;
  out_.fd = out.read;
  err_.fd = err.read;
}

Child::~Child() {
  if (pid_ > 0) {
    kill_group();
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  }
  for (const int fd : {in_, out_.fd, err_.fd}) {
    if (fd >= 0) close(fd);
  }
}

std::string Child::line_of(Stream& stream, int patience_ms) {
  while (true) {
    const auto end = stream.text.find('\n');
    if (end != std::string::npos) {
      std::string line = stream.text.substr(0, end);
      stream.text.erase(0, end + 1);
      return line;
    }
    std::string more;
    const int came = read_some(stream.fd, more, patience_ms);
    stream.text += more;
    stream.said += more;
    if (came > 0) continue;
    if (came == 0) throw ChildError("neither speaks nor ends");
    while (read_some(err_.fd, err_.said, 100) > 0) continue;
    const std::string words = last_words();
    throw ChildError(words.empty() ? "ended without a word" : words);
  }
}

std::string Child::out_line(int patience_ms) { return line_of(out_, patience_ms); }
std::string Child::err_line(int patience_ms) { return line_of(err_, patience_ms); }

void Child::tell(const std::string& line) {
  const std::string text = line + "\n";
  // A child that is gone is found out by what is read next.
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  [[maybe_unused]] const ssize_t written = write(in_, text.data(), text.size());
  sigaction(SIGPIPE, &before, nullptr);
}

bool Child::ended() const {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == pid_;
}

void Child::terminate() noexcept {
  if (pid_ > 0) kill(pid_, SIGTERM);
}

void Child::kill_group() noexcept {
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);
}

Usage Child::wait(int patience_ms) {
  // What it writes is read until nobody can write any more, or patience ends.
  constexpr int step_ms = 20;
  bool open = true;
  for (int waited = 0; open && waited < patience_ms;) {
    const int out = read_some(out_.fd, out_.text, step_ms);
    const int err = read_some(err_.fd, err_.said, 0);
    open = out >= 0 || err >= 0;
    if (out == 0 && err <= 0) waited += step_ms;
    if (ended() && out <= 0 && err <= 0) break;
  }
  while (read_some(err_.fd, err_.said, 0) > 0) continue;
  if (!ended()) kill_group();
  rusage usage{};
  int status = 0;
  while (wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) continue;
  kill(-pid_, SIGKILL);  // Children that it left behind.
  pid_ = -1;
  return {microseconds(usage.ru_utime), microseconds(usage.ru_stime),
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
}

std::string Child::last_words() const {
  std::string text = err_.said;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

void rest_ms(int milliseconds) noexcept { poll(nullptr, 0, milliseconds); }

}  // namespace weir::cli
