#include "subject.h"

#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace bench {
namespace {

std::string program_directory = std::filesystem::read_symlink("/proc/self/exe").parent_path();

Subject bare(const std::string& model, const std::string& program) {
  Subject subject;
  subject.name = "bare:" + model;
  subject.program = "bare_" + program;
  return subject;
}

Subject peer(const std::string& name, const std::string& program) {
  Subject subject;
  subject.name = name;
  subject.program = "peer_" + program;
  return subject;
}

Subject weir(const std::string& model, std::vector<std::string> options = {},
             const std::string& suffix = "") {
  Subject subject;
  subject.name = "weir:" + model + suffix;
  subject.program = "weir_echo";
  subject.before_port = {model};
  subject.after_port = std::move(options);
  return subject;
}

std::vector<Subject> make_subjects() {
  std::vector<Subject> all = {
      bare("iterative", "iterative"),
      bare("fork", "fork"),
      bare("threads", "threads"),
      bare("nonblocking", "nonblocking"),
      bare("select", "select"),
      bare("poll", "poll"),
      bare("epoll-lt", "epoll_level"),
      bare("epoll-et", "epoll_edge"),
      bare("io-uring", "io_uring"),
      peer("asio-callbacks", "asio_callbacks"),
      peer("asio-coroutines", "asio_coroutines"),
      peer("libuv", "uv"),
      peer("libevent", "event"),
      peer("libev", "ev"),
  };
  // The noise of the machine: a program measured against a second instance of itself.
  Subject control = bare("epoll-et", "epoll_edge");
  control.name = "A/A";
  all.push_back(control);
  for (const char* model : {"iterative", "fork", "threads", "nonblocking", "select", "poll",
                            "epoll-lt", "epoll-et", "io-uring"}) {
    all.push_back(weir(model));
  }
  for (const char* model : {"epoll-et", "epoll-lt", "poll", "io-uring"}) {
    all.push_back(weir(model, {"--spin-before-sleep", "50"}, "+spin"));
  }
  all.push_back(weir("io-uring", {"--batch-wait", "50"}, "+batch"));
  Subject proxy = bare("proxy", "epoll_proxy");
  proxy.proxy = true;
  all.push_back(proxy);
  for (const char* model : {"epoll-et", "epoll-lt", "io-uring"}) {
    Subject subject = weir(model, {}, "-proxy");
    subject.program = "weir_proxy";
    subject.proxy = true;
    all.push_back(subject);
  }
  for (Subject& subject : all) {
    const std::string mechanism = subject.name.substr(subject.name.find(':') + 1);
    subject.forks = mechanism == "fork";
    subject.one_client = mechanism == "iterative";
    subject.works_when_idle = mechanism == "nonblocking";
  }
  return all;
}

}  // namespace

const std::vector<Subject>& all_subjects() {
  static const std::vector<Subject> subjects = make_subjects();
  return subjects;
}

const Subject& subject(const std::string& name) {
  for (const Subject& subject : all_subjects()) {
    if (subject.name == name) return subject;
  }
  throw std::invalid_argument("no subject is called '" + name + "'");
}

void set_program_directory(const std::string& directory) { program_directory = directory; }

std::string program_path(const std::string& program) { return program_directory + "/" + program; }

bool is_built(const Subject& subject) {
  return ::access(program_path(subject.program).c_str(), X_OK) == 0;
}

std::vector<std::string> command_of(const Subject& subject, int upstream_port) {
  std::vector<std::string> command = {program_path(subject.program)};
  command.insert(command.end(), subject.before_port.begin(), subject.before_port.end());
  command.push_back("0");
  if (subject.proxy) command.push_back(std::to_string(upstream_port));
  command.insert(command.end(), subject.after_port.begin(), subject.after_port.end());
  return command;
}

}  // namespace bench
