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
#include "tests/support/program.h"

namespace support {

class Child final : public Program {
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
  ~Child() override;

  pid_t pid() const override { return pid_; }
  bool running() const { return !ended_; }

  std::string read_line() override;
  std::string errors() const override;
  void signal(int number) const override;
  int wait() override;

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
