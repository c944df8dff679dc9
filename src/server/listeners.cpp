#include "server/listeners.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <weir/error.h>

#include "os/clock.h"

namespace weir::detail {
namespace {

std::string message(int error) { return std::generic_category().message(error); }

// What the error means at a unix path.
const char* advice_on_path(const Endpoint& endpoint, int error) noexcept {
  switch (error) {
    case EADDRINUSE:
      return os::is_socket(endpoint.path)
                 ? "; another program listens there: choose another path, or stop it"
                 : "; there is something else of that name, which stays: choose another path";
    case EACCES: return "; the directory is not writable for this user";
    case ENOENT:
    case ENOTDIR: return "; its directory does not exist";
    default: return "";
  }
}

const char* advice(const Endpoint& endpoint, int error) noexcept {
  if (endpoint.family == Endpoint::Family::unix_socket) return advice_on_path(endpoint, error);
  switch (error) {
    case EADDRINUSE: return "; another program listens there: choose another port, or stop it";
    case EACCES: return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EINVAL:
      return endpoint.family == Endpoint::Family::ipv6 && endpoint.scope == 0
                 ? "; a link-local address needs its interface: [fe80::1%eth0]:7000"
                 : "";
    case EADDRNOTAVAIL: return "; no interface of this machine has that address";
    case EAFNOSUPPORT: return "; this system has no such address family";
    default: return "";
  }
}

int try_to_listen(const Endpoint& endpoint, const os::ListenOptions& how, const char*& step) {
  const int fd = os::listen_on(endpoint, how, step);
  const bool is_stale = fd == -EADDRINUSE && endpoint.family == Endpoint::Family::unix_socket &&
                        os::remove_stale_socket(endpoint);
  return is_stale ? os::listen_on(endpoint, how, step) : fd;
}

// Of a process that was killed and waited for, a ring may still accept: the kernel takes it down
// some tens of milliseconds later. So whoever is in the way gets time to go. At a unix socket it
// hears each attempt, as a client that says nothing: there are two.
int wait_to_listen(const Endpoint& endpoint, const os::ListenOptions& how, const char*& step) {
  constexpr std::int64_t first_rest = 10'000'000, last_rest = 320'000'000;
  const bool is_unix = endpoint.family == Endpoint::Family::unix_socket;
  if (is_unix && !os::is_socket(endpoint.path)) return -EADDRINUSE;
  int fd = -EADDRINUSE;
  for (std::int64_t rest = is_unix ? last_rest : first_rest;
       fd == -EADDRINUSE && rest <= last_rest; rest *= 2) {
    os::rest(rest);
    fd = try_to_listen(endpoint, how, step);
  }
  return fd;
}

/// What of ours may be in the way.
enum class Ours : std::uint8_t { none, same_port, same_address };

Ours in_the_way(const std::vector<Endpoint>& ours, const Endpoint& wanted) noexcept {
  Ours found = Ours::none;
  for (const Endpoint& other : ours) {
    if (other == wanted) return Ours::same_address;
    if (wanted.port != 0 && other.port == wanted.port) found = Ours::same_port;
  }
  return found;
}

os::Fd open_socket(const Endpoint& endpoint, const os::ListenOptions& how, Ours ours) {
  const char* step = "";
  int fd = try_to_listen(endpoint, how, step);
  if (fd == -EADDRINUSE && ours == Ours::none) fd = wait_to_listen(endpoint, how, step);
  if (fd < 0) {
    const char* what_to_do = advice(endpoint, -fd);
    if (fd == -EADDRINUSE && ours == Ours::same_address) what_to_do = "; it is given twice";
    throw StartError(fmt::format("cannot listen on {}: {}: {}{}", endpoint.text(), step,
                                 message(-fd), what_to_do));
  }
  return os::Fd(fd);
}

// With the port that the kernel chose. Without it nobody could be told where to connect.
Endpoint where_it_listens(const os::Fd& socket, const Endpoint& asked) {
  Endpoint endpoint = os::local_endpoint(socket.get());
  if (endpoint.family != Endpoint::Family::none) return endpoint;
  throw StartError(
      fmt::format("cannot listen on {}: getsockname: {}", asked.text(), message(errno)));
}

}  // namespace

void Listeners::open_listener(const std::string& address, const os::ListenOptions& how,
                              Inheritance& inheritance) {
  if (const auto number = descriptor_named(address); number.has_value()) {
    std::vector<Inheritance::Socket> sockets;
    sockets.push_back(inheritance.claim(*number));
    listeners_.push_back(inherited(std::move(sockets), how));
    return;
  }
  Endpoint endpoint = Endpoint::parse(address);
  auto sockets = inheritance.claim(endpoint);
  if (!sockets.empty()) {
    listeners_.push_back(inherited(std::move(sockets), how));
    return;
  }
  const Ours ours = in_the_way(endpoints(), endpoint);
  const bool is_unix = endpoint.family == Endpoint::Family::unix_socket;
  const unsigned count = how.reuse_port && !is_unix ? workers_ : 1;
  Listener& result = listeners_.emplace_back();
  result.made = true;
  result.name = owned_name;
  result.sockets.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    result.sockets.push_back(open_socket(endpoint, how, ours));
    // Its port is the other sockets' too. A unix socket is where it was asked to be.
    if (i == 0 && !is_unix) endpoint = where_it_listens(result.sockets[0], endpoint);
  }
  result.file = os::SocketFile::of(endpoint);
  result.endpoint = std::move(endpoint);
}

Listeners::Listener Listeners::inherited(std::vector<Inheritance::Socket> sockets,
                                         const os::ListenOptions& how) {
  Listener result;
  result.endpoint = sockets.front().endpoint;
  result.name = sockets.front().name;
  if (sockets.front().owned) result.file = os::SocketFile::of(result.endpoint);
  for (Inheritance::Socket& socket : sockets) {
    clients_have_bound_ &= os::prepare_inherited(socket.fd.get(), how);
    result.sockets.push_back(std::move(socket.fd));
  }
  return result;
}

void Listeners::open(const std::vector<std::string>& addresses, const Options& options,
                     const os::ListenOptions& how, Inheritance& inheritance) {
  workers_ = options.workers;
  clients_have_bound_ = true;
  listeners_.clear();
  try {
    for (const std::string& address : addresses) open_listener(address, how, inheritance);
    while (addresses.empty() && !inheritance.empty()) {
      listeners_.push_back(inherited(inheritance.claim_next(), how));
    }
  } catch (...) {
    abandon();
    listeners_.clear();
    throw;
  }
}

std::vector<os::HandedSocket> Listeners::handed() const {
  std::vector<os::HandedSocket> result;
  for (const Listener& listener : listeners_) {
    for (const os::Fd& socket : listener.sockets) result.push_back({socket.get(), listener.name});
  }
  return result;
}

void Listeners::hand_over() noexcept {
  for (Listener& listener : listeners_) listener.file.path.clear();
}

void Listeners::give_files(const os::Identity& to) const {
  for (const Listener& listener : listeners_) {
    if (listener.file.path.empty()) continue;
    if (const int error = os::give_file(listener.file.path, to); error != 0) {
      throw StartError(fmt::format("cannot give {} to {}: {}", listener.endpoint.text(), to.name,
                                   message(-error)));
    }
  }
}

// With more sockets than workers every socket still has a worker, and with fewer a socket has
// several.
bool Listeners::is_of(const Listener& listener, std::size_t socket,
                      unsigned worker) const noexcept {
  const std::size_t count = listener.sockets.size();
  return count >= workers_ ? socket % workers_ == worker : worker % count == socket;
}

bool Listeners::are_shared() const noexcept {
  return std::ranges::any_of(listeners_, [this](const Listener& listener) {
    return listener.sockets.size() < workers_;
  });
}

std::size_t Listeners::sockets() const noexcept {
  std::size_t count = 0;
  for (const Listener& listener : listeners_) count += listener.sockets.size();
  return count;
}

int Listeners::largest() const noexcept {
  int largest = -1;
  for (const Listener& listener : listeners_) {
    for (const os::Fd& socket : listener.sockets) largest = std::max(largest, socket.get());
  }
  return largest;
}

std::vector<int> Listeners::duplicates(unsigned index) const {
  std::vector<int> result;
  result.reserve(sockets());
  for (const Listener& listener : listeners_) {
    for (std::size_t i = 0; i < listener.sockets.size(); ++i) {
      if (!is_of(listener, i, index)) continue;
      const int copy = os::duplicate(listener.sockets[i].get());
      if (copy < 0) {
        for (const int fd : result) os::close_fd(fd);
        throw StartError(fmt::format("cannot share the listener of {}: {}",
                                     listener.endpoint.text(), message(-copy)));
      }
      result.push_back(copy);
    }
  }
  return result;
}

std::vector<int> Listeners::take(unsigned index) {
  std::vector<int> result;
  result.reserve(sockets());
  for (Listener& listener : listeners_) {
    for (std::size_t i = 0; i < listener.sockets.size(); ++i) {
      if (is_of(listener, i, index)) result.push_back(listener.sockets[i].release());
    }
  }
  drop();
  return result;
}

void Listeners::close() noexcept {
  for (Listener& listener : listeners_) listener.file.remove();
  drop();
}

void Listeners::abandon() noexcept {
  for (Listener& listener : listeners_) {
    if (listener.made) listener.file.remove();
  }
  drop();
}

void Listeners::drop() noexcept {
  for (Listener& listener : listeners_) {
    for (os::Fd& socket : listener.sockets) socket.reset();
  }
}

std::vector<Endpoint> Listeners::endpoints() const {
  std::vector<Endpoint> result;
  for (const Listener& listener : listeners_) result.push_back(listener.endpoint);
  return result;
}

}  // namespace weir::detail
