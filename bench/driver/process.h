// process.h - a server under measurement: started, pinned, paused, resumed and stopped.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "cpu_clock.h"

namespace bench {

struct Launch {
  std::vector<std::string> command;
  std::vector<std::string> environment;              // NAME=VALUE, on top of what the driver has.
  int cpu = 0;                                       // Pinned there; negative: anywhere.
  bool forks = false;                                // Its work is done by children.
  std::string log;                                   // Where its stderr goes; empty: nowhere.
  std::function<void(pid_t)> before_exec = nullptr;  // Called in the driver, the child waiting.
};

/// A child process that has said `listening PORT`. Destroying it stops it, and waits for its end.
class Process {
 public:
  /// Throws when it ends, or says something else, or nothing for 30 s.
  explicit Process(const Launch& launch);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { stop(); }

  pid_t pid() const { return pid_; }
  int port() const { return port_; }
  const CpuClock& cpu() const { return cpu_; }

  void pause();   // SIGSTOP, for servers that use CPU when nobody asks for anything.
  void resume();  // SIGCONT
  void stop();    // SIGTERM, after 5 s SIGKILL.

  /// What it printed after the line with the port; complete once it has been stopped.
  const std::string& output() const { return output_; }

 private:
  void start(const Launch& launch);
  void read_port();

  pid_t pid_ = 0;
  int port_ = 0;
  bool paused_ = false;
  Fd stdout_;
  std::string output_;
  CpuClock cpu_;
};

void pin_to_cpu(int cpu);

}  // namespace bench
