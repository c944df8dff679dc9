// listeners.h - the listening sockets of a server, which outlive its workers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <weir/endpoint.h>
#include <weir/options.h>

#include "os/fd.h"
#include "os/identity.h"
#include "os/listening.h"
#include "os/successor.h"
#include "server/inheritance.h"

namespace weir::detail {

/// Keeps every listening socket open for as long as the server accepts: a worker that is
/// replaced takes its predecessor's socket over, with what waits in its queue.
class Listeners {
 public:
  /// One address and its socket, or its sockets: with Options::reuse_port one for each worker.
  struct Listener {
    Endpoint endpoint;
    std::vector<os::Fd> sockets;
    os::SocketFile file;  ///< unix: the file that is ours to remove
    std::string name;     ///< under which it is handed over
    bool made = false;    ///< here, and not by a predecessor that may go on
  };

  /// Opens them all; those that were inherited are taken instead. Without addresses: all that were
  /// inherited. Throws StartError naming address and cause; then none is open.
  void open(const std::vector<std::string>& addresses, const Options& options,
            const os::ListenOptions& how, Inheritance& inheritance);
  /// Whether several workers accept from one socket.
  bool are_shared() const noexcept;
  /// False: some may have clients in their backlog that came before the blocking bound was set.
  bool clients_have_bound() const noexcept { return clients_have_bound_; }

  /// All of them, for a successor. They stay ours until hand_over() or close().
  std::vector<os::HandedSocket> handed() const;
  /// The files of unix sockets are the successor's from now on.
  void hand_over() noexcept;

  /// Gives the files of unix sockets to a user. Throws StartError.
  void give_files(const os::Identity& to) const;

  /// The largest descriptor of them; -1: none is open.
  int largest() const noexcept;
  /// What worker `index` accepts from: duplicates, which it closes. Throws StartError.
  std::vector<int> duplicates(unsigned index) const;
  /// In worker process `index`: its descriptors; those that are not its own are closed.
  std::vector<int> take(unsigned index);
  /// Closes them, and removes the files of unix sockets. Those that wait in a backlog from which
  /// no worker accepts any more are refused from now on.
  void close() noexcept;
  /// The same at a start that fails: the files of those that were inherited stay.
  void abandon() noexcept;
  /// In a child process of a worker: closes them and leaves the files alone.
  void drop() noexcept;

  std::vector<Endpoint> endpoints() const;

 private:
  void open_listener(const std::string& address, const os::ListenOptions& how,
                     Inheritance& inheritance);
  Listener inherited(std::vector<Inheritance::Socket> sockets, const os::ListenOptions& how);
  std::size_t sockets() const noexcept;
  bool is_of(const Listener& listener, std::size_t socket, unsigned worker) const noexcept;

  std::vector<Listener> listeners_;
  unsigned workers_ = 1;
  bool clients_have_bound_ = true;
};

}  // namespace weir::detail
