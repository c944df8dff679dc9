#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace bench {
namespace {

constexpr int start_timeout_ms = 30'000;
constexpr int stop_timeout_ms = 5'000;

[[noreturn]] void become(const Launch& launch, int gate, int out) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  char go = 0;
  if (::read(gate, &go, 1) != 1) _exit(127);
  dup2(out, STDOUT_FILENO);
  const char* log = launch.log.empty() ? "/dev/null" : launch.log.c_str();
  const int error = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (error >= 0) dup2(error, STDERR_FILENO);
  if (launch.cpu >= 0) pin_to_cpu(launch.cpu);
  for (const std::string& setting : launch.environment)
    putenv(const_cast<char*>(setting.c_str()));
  std::vector<char*> arguments;
  for (const std::string& word : launch.command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  dprintf(STDOUT_FILENO, "%s\n", std::strerror(errno));  // The driver waits for a line.
  _exit(127);
}

bool wait_readable(int fd, int timeout_ms) {
  pollfd slot{fd, POLLIN, 0};
  return ::poll(&slot, 1, timeout_ms) > 0;
}

}  // namespace

void pin_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);  // One CPU only, or not allowed: goes on unpinned.
}

Process::Process(const Launch& launch) {
  start(launch);
  try {
    read_port();
  } catch (...) {
    stop();
    const std::string said = output_.substr(0, output_.find('\n'));
    throw std::runtime_error(launch.command[0] +
                             " did not start: " + (said.empty() ? "it said nothing" : said));
  }
}

void Process::start(const Launch& launch) {
  int gate[2], out[2];
  must(::pipe2(gate, O_CLOEXEC), "pipe");
  must(::pipe2(out, O_CLOEXEC), "pipe");
  pid_ = must(::fork(), "fork");
  if (pid_ == 0) {
    ::close(gate[1]);  // Or the child would not see that the driver has gone.
    become(launch, gate[0], out[1]);
  }
  ::close(gate[0]);
  ::close(out[1]);
  stdout_ = Fd(out[0]);
  Fd opener(gate[1]);
  cpu_ = CpuClock(pid_, launch.forks);
  if (launch.before_exec) launch.before_exec(pid_);
  must(::write(opener.get(), "g", 1), "write");
}

void Process::read_port() {
  std::string line;
  for (char next = 0; next != '\n';) {
    if (!wait_readable(stdout_.get(), start_timeout_ms)) fail("start", ETIMEDOUT);
    if (::read(stdout_.get(), &next, 1) != 1) fail("start", EPIPE);
    line += next;
    output_ = line;
  }
  if (std::sscanf(line.c_str(), "listening %d", &port_) != 1) fail("start", EPROTO);
  output_.clear();
}

void Process::pause() {
  if (!std::exchange(paused_, true)) ::kill(pid_, SIGSTOP);
}

void Process::resume() {
  if (std::exchange(paused_, false)) ::kill(pid_, SIGCONT);
}

void Process::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  resume();
  // Its output is read meanwhile: a full pipe must not keep it from ending.
  for (int waited_ms = 0;; waited_ms += 10) {
    char text[4096];
    while (wait_readable(stdout_.get(), 0)) {
      const ssize_t size = ::read(stdout_.get(), text, sizeof text);
      if (size <= 0) break;
      output_.append(text, static_cast<std::size_t>(size));
    }
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    if (waited_ms == stop_timeout_ms) ::kill(pid_, SIGKILL);
    ::usleep(10'000);
  }
  pid_ = 0;
}

}  // namespace bench
