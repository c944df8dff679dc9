// inherited.h - listening sockets that this process was started with: sd_listen_fds(3)'s protocol,
// which a service manager speaks and our own predecessor in a restart too.
#pragma once

#include <string>
#include <vector>

#include "os/fd.h"
#include "os/listening.h"

namespace weir::os {

/// The variable that names the descriptor on which a successor says that it is ready. It counts
/// only beside a LISTEN_PID that is ours, as LISTEN_FDS does.
inline constexpr const char* ready_variable = "WEIR_READY_FD";

struct InheritedSockets {
  struct Socket {
    Fd fd;
    std::string name;  ///< from LISTEN_FDNAMES; "unknown" without one
  };
  std::vector<Socket> sockets;
  Fd ready;  ///< to a predecessor that waits for us; none otherwise
};

/// How many descriptors LISTEN_FDS gives to this process: 0 when LISTEN_PID names another one.
/// Throws StartError when a variable is malformed.
unsigned count_inherited();

/// Takes them over: from now on they are closed when a program is executed, and the variables are
/// gone from the environment. Throws StartError, as above and for one that is not open.
InheritedSockets take_inherited();

/// Why connections cannot be accepted from this descriptor; nullptr if they can.
const char* why_no_listener(int fd) noexcept;

/// Sets on a listener what listen_on() would have set, as far as it can be set later. What one
/// process may not decide for all that share the socket stays: one that does not block stays so.
/// The result: whether clients who are in its backlog already have the blocking bound.
bool prepare_inherited(int fd, const ListenOptions& options) noexcept;

void close_on_exec(int fd) noexcept;

}  // namespace weir::os
