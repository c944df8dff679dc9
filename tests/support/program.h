// program.h - a program under test as its tester sees it: what it says, and how it ends.
#pragma once

#include <sys/types.h>

#include <string>

namespace support {

class Program {
 public:
  virtual ~Program() = default;

  /// Requires: it is a process.
  virtual pid_t pid() const = 0;
  /// The next line of its standard output without the newline; empty when there is no more.
  virtual std::string read_line() = 0;
  /// Its standard error so far.
  virtual std::string errors() const = 0;
  virtual void signal(int number) const = 0;
  /// Waits for its end: the exit code, or 128 + the signal that ended it. Throws when it goes
  /// on for longer than `patience`.
  virtual int wait() = 0;

  /// Reads lines until one contains `text`; false when there is none.
  bool says(const std::string& text);
};

}  // namespace support
