// successor.h - starting this program again, as the process that takes this one's place.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "os/process.h"

namespace weir::os {

/// How this process was started, which is how it is started again.
struct Program {
  std::string path;  ///< absolute; links in it are not followed, so that they can be redirected
  std::vector<std::string> arguments;
  std::vector<std::string> environment;

  /// From the auxiliary vector (getauxval(3), AT_EXECFN), /proc/self and the environment as they
  /// are now. Without arguments where /proc is not mounted.
  static Program of_this_process();
};

/// A listening socket that is handed over.
struct HandedSocket {
  int fd;
  std::string name;  ///< without a colon
};

/// The process that was started, and what it says. When this is destroyed it is killed, unless it
/// was let go.
class Successor {
 public:
  enum class News : unsigned char { none, ready, silent, not_executed };

  /// Starts it, with the sockets by sd_listen_fds(3)'s protocol. 0 or -errno; what goes wrong
  /// after fork(2) is news.
  int start(const Program& program, const std::vector<HandedSocket>& sockets);

  /// Readable when there is news; -1 once it can say nothing more.
  int fd() const noexcept { return ready_.get(); }
  /// silent: it has closed its end without a word. not_executed: `error` tells why.
  News news(int& error) noexcept;

  ChildProcess& process() noexcept { return process_; }
  const ChildProcess& process() const noexcept { return process_; }
  /// It lives on without us. Who drains for long may still have to reap it: the process remains.
  ChildProcess let_go() noexcept { return std::move(process_); }

 private:
  ChildProcess process_;
  Fd ready_;
};

/// Says to the predecessor at the other end that we are ready. False: it is not there any more.
bool say_ready(int fd) noexcept;

}  // namespace weir::os
