// listening.h - making, inspecting and giving up listening sockets.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <weir/endpoint.h>

#include "os/socket.h"

namespace weir::os {

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = false;
  bool dual_stack = false;  ///< IPv6 sockets take IPv4 too
  unsigned unix_mode = 0;   ///< permissions of a unix socket's file; 0: as the umask has it
  Mode mode = Mode::nonblocking;
  std::int64_t blocking_bound = 0;  ///< ns, set_blocking_bound() before the first client; 0: none
};

/// Creates, sets SO_REUSEADDR, binds and listens: the recipe's first four steps. TCP_NODELAY is
/// set here and inherited by what is accepted. The result is -errno or the descriptor; `step`
/// names the call that failed.
int listen_on(const Endpoint& endpoint, const ListenOptions& options, const char*& step);

/// Closes every socket that listens on one of these addresses or was accepted there, `except` one.
/// For a child that was forked beside other threads that accept: it has copies of their listeners
/// and of what they had in hand.
void close_all_at(std::span<const Endpoint> addresses, int except);

/// Whether there is a unix socket of that name, used or not.
bool is_socket(const std::string& path) noexcept;

/// A stale unix socket: a file where nobody listens. Removes it; false if somebody does.
bool remove_stale_socket(const Endpoint& endpoint) noexcept;

/// The file of a unix socket, so that it is removed only while it is still the same one.
struct SocketFile {
  std::string path;  ///< empty: none
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  /// Of the socket that listens there now; empty for other families.
  static SocketFile of(const Endpoint& endpoint);
  /// Stays where this process may not remove it, having become another user since.
  void remove() noexcept;
};

}  // namespace weir::os
