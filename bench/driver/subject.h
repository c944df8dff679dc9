// subject.h - who is measured: the bare loops, the peers, and Weir's models.
#pragma once

#include <string>
#include <vector>

namespace bench {

struct Subject {
  std::string name;     // As in tables and for --subjects: bare:epoll-et, libuv, weir:epoll-et.
  std::string program;  // File name in the directory of programs.
  std::vector<std::string> before_port;
  std::vector<std::string> after_port;
  bool forks = false;            // Its work is done in child processes.
  bool works_when_idle = false;  // Polls without being asked: stopped outside its turns.
  bool one_client = false;       // Serves one client at a time.
  bool proxy = false;            // Wants the port of an upstream as its next argument.
};

/// All subjects, built or not.
const std::vector<Subject>& all_subjects();

/// Throws when there is none of that name.
const Subject& subject(const std::string& name);

/// Where the programs are; the directory of the driver unless it is set.
void set_program_directory(const std::string& directory);
std::string program_path(const std::string& program);
bool is_built(const Subject& subject);

/// The command line; port 0 lets the kernel choose. Proxies get the upstream's port.
std::vector<std::string> command_of(const Subject& subject, int upstream_port = 0);

}  // namespace bench
