// child.h - a program that we start, speak with, and account for.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::cli {

/// A child did not do what it should: what() is one line.
class ChildError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the kernel has accounted for a process and those of its children that it waited for.
struct Usage {
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  int exit_code = 0;  ///< 128 + the signal that ended it
};

/// Whether there is such a program: a path, or a name that is found on PATH.
bool program_exists(const std::string& program);

class Child {
 public:
  /// The program's path or name, and its arguments; it may run on these CPUs only (none: any).
  /// It leads a process group of its own, and ends when we do. Throws std::system_error.
  Child(const std::vector<std::string>& command, const std::vector<unsigned>& cpus);
  /// Kills it and its whole group if it still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int pid() const noexcept { return pid_; }

  /// The next line that it writes to stdout, or to stderr. Throws ChildError when it ends or is
  /// silent for `patience_ms` instead.
  std::string out_line(int patience_ms);
  std::string err_line(int patience_ms);
  /// Writes a line to its stdin.
  void tell(const std::string& line);
  /// Whether it has ended; it stays to be waited for.
  bool ended() const;

  /// Asks it and its group to end.
  void terminate() noexcept;
  /// Reads what it still writes and waits for its end; kills it after `patience_ms`.
  Usage wait(int patience_ms);
  /// Everything that was on stdout and not taken as a line. After wait().
  const std::string& rest() const noexcept { return out_.text; }
  /// Its last words on stderr, one line. After wait() or a ChildError.
  std::string last_words() const;

 private:
  struct Stream {
    int fd = -1;
    std::string text;
    std::string said;  // Everything, for last words.
  };
  std::string line_of(Stream& stream, int patience_ms);
  void kill_group() noexcept;

  int pid_ = -1;
  int in_ = -1;
  Stream out_;
  Stream err_;
};

/// Rests for a while: for those who wait for what cannot tell them.
void rest_ms(int milliseconds) noexcept;

}  // namespace weir::cli
