// client.h - the other side: connecting to a server, and programs that only do that.
//
//     int main() { return weir::run(greet()); }
//     weir::Task<int> greet() {
//       weir::Client server = co_await weir::connect("127.0.0.1:7000");
//       co_await server->send("hello\n");
//       ...
//     }
#pragma once

#include <string_view>
#include <utility>

#include <weir/connection.h>
#include <weir/endpoint.h>
#include <weir/misuse.h>
#include <weir/model.h>
#include <weir/options.h>
#include <weir/task.h>

namespace weir {

namespace detail {
/// Ends the process if the connection, which connect() made, is served by another thread or run().
void require_own_thread(Connection& connection) noexcept;
}  // namespace detail

/// Owns a connection that connect() made. When it is destroyed the connection is closed as at
/// the end of a handler: what is queued is still sent, in the background, within
/// Options::linger. Belongs to the thread that connected: a pool is one for each thread.
/// To use it on another, or inside another run() on this one, ends the process.
///
/// One that outlives its worker's last handler, or run()'s task, as in a pool that handlers share,
/// is closed then. All that can be done with it after that is to destroy it, on any thread.
class Client {
 public:
  Client() = default;
  explicit Client(Connection* connection) noexcept : connection_(connection) {}
  Client(Client&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Client& operator=(Client&& other) noexcept {
    if (this != &other) {
      close();
      connection_ = std::exchange(other.connection_, nullptr);
    }
    return *this;
  }
  ~Client() { close(); }

  /// Requires: it owns one, that is, it is neither empty, closed nor moved from; and this is the
  /// thread that connected.
  Connection& operator*() const noexcept { return owned(); }
  Connection* operator->() const noexcept { return &owned(); }
  explicit operator bool() const noexcept { return connection_ != nullptr; }

  /// Closes now. No await on the connection may be pending; a receive() that is ends the process.
  void close() noexcept;

 private:
  Connection& owned() const noexcept {
    if (connection_ == nullptr) [[unlikely]]
      detail::misuse("a Client that is empty, closed or moved from was used", "Client");
    detail::require_own_thread(*connection_);
    return *connection_;
  }

  Connection* connection_ = nullptr;
};

/// Connects. From handlers and inside run(): the connection is served by the caller's worker.
/// Throws IoError: ECONNREFUSED, ETIMEDOUT, ENETUNREACH, ... as connect(2); what() names the
/// address. Bound it with within(): the kernel alone takes two minutes to give up, and a unix
/// socket waits for room in the backlog for as long as it takes.
Task<Client> connect(Endpoint endpoint);
/// The same from an address of ours: one of several interfaces, or more than the 28,000 or so
/// connections that the ports of one address allow. Port 0: the kernel chooses one that is free
/// towards that peer (IP_BIND_ADDRESS_NO_PORT, ip(7)). Throws IoError also as bind(2).
Task<Client> connect(Endpoint endpoint, Endpoint from);
/// The same from text; throws StartError for one that is no address (see Endpoint::parse): at the
/// call, not at the co_await.
Task<Client> connect(std::string_view endpoint);

/// Runs a task that is not a server's: a client, a tool. Returns what it returned (0 for
/// Task<>); an exception that leaves it is printed in one line on stderr, and 1 is returned; 2
/// when WEIR_MODEL names none, or the model does not work here, the reason being printed.
/// Connections that the task left closing get Options::linger to end. The model is the one given,
/// else WEIR_MODEL, else automatic; iterative, fork and threads all mean blocking calls.
int run(Task<int> task, Model model = Model::automatic, const Options& options = {});
int run(Task<> task, Model model = Model::automatic, const Options& options = {});

}  // namespace weir
