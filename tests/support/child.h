// child.h - a program started by a test; it never outlives the test.
//
//     support::Child server({path, "echo", "--model", "poll"});
//     std::string line = server.read_line();
//     server.signal(SIGTERM);
//     EXPECT_EQ(server.wait(), 0);
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/fd.h"

namespace support {

class Child {
 public:
  struct Options {
    /// Runs in the child before the program starts: limits, filters.
    std::function<void()> before_exec;
    /// NAME=value, added to the environment.
    std::vector<std::string> environment;
  };

  explicit Child(std::vector<std::string> command) : Child(std::move(command), Options()) {}
  Child(std::vector<std::string> command, Options options);
  Child(Child&& other) noexcept;
  /// Kills the program and its children, which are in its process group.
  ~Child();

  pid_t pid() const { return pid_; }
  bool running() const { return !ended_; }

  /// The next line of its standard output without the newline; empty when there is no more.
  std::string read_line();
  /// Reads lines until one contains `text`; false when there is none.
  bool says(const std::string& text);
  /// Its standard error so far.
  std::string errors() const;

  void signal(int number) const;
  /// Waits for its end: the exit code, or 128 + the signal that ended it. Throws when it goes
  /// on for longer than `patience`.
  int wait();

 private:
  void exec(const std::vector<std::string>& command, const Options& options, int out) const;
  bool try_wait();

  pid_t pid_ = -1;
  bool ended_ = false;
  int exit_code_ = -1;
  Fd output_;
  Fd errors_;
  std::string buffered_;
};

}  // namespace support
