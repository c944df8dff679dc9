// inheritance.h - the listening sockets that this process was given, and who has asked for them.
//
// A socket is recognised by its address (getsockname(2)), not by its place in the list: an
// operator who adds an address before a restart does not shift the others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weir/endpoint.h>

#include "os/fd.h"
#include "os/inherited.h"

namespace weir::detail {

/// N of the address "fd:N"; nothing for another form. Throws StartError for a bad number.
std::optional<int> descriptor_named(std::string_view address);

class Inheritance {
 public:
  struct Socket {
    os::Fd fd;
    Endpoint endpoint;
    std::string name;
    bool owned = false;  ///< A predecessor of ours has bound it: its file is ours to remove.
  };

  /// Nothing is given.
  Inheritance() = default;
  /// Takes over what LISTEN_FDS gives. Throws StartError for what cannot be accepted from.
  static Inheritance take();

  bool empty() const noexcept { return sockets_.empty(); }
  /// The sockets with this address that nobody has claimed yet: several where each worker had one.
  /// With port 0 any port will do, and the first that there is counts.
  std::vector<Socket> claim(const Endpoint& endpoint);
  /// The socket of "fd:N": from a predecessor the one that it had under this name, else the
  /// descriptor itself. Throws StartError for what cannot be accepted from.
  Socket claim(int number);
  /// The next ones that nobody has claimed, of one address; empty: there are none left.
  std::vector<Socket> claim_next();

  /// A predecessor waits to hear on it that we are ready; once.
  os::Fd take_ready() noexcept { return std::move(ready_); }

 private:
  std::vector<Socket> take_all(const Endpoint& endpoint);

  std::vector<Socket> sockets_;
  std::vector<int> numbers_;  // of "fd:N", taken already
  os::Fd ready_;
  bool from_predecessor_ = false;
};

/// The names under which a socket is handed over: ours to own, and of "fd:N".
inline constexpr std::string_view owned_name = "weir-own";
std::string name_of_descriptor(int number);

}  // namespace weir::detail
