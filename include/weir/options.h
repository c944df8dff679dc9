// options.h - what can be set about a server. Every default is one to go live with.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <weir/network.h>

namespace weir {

/// What a worker is. Workers multiply any model: epoll x processes is the shape of nginx,
/// iterative x threads a thread pool.
enum class WorkerKind : std::uint8_t { thread, process };

/// What becomes of clients that come when a limit is reached.
enum class Overload : std::uint8_t {
  pause,   ///< they wait in the backlog until there is room
  reject,  ///< they are accepted and closed at once, and counted
};

struct Options {
  // --- workers and listening -------------------------------------------------------------

  /// Threads or processes that each run the whole model. 1 to 1,024.
  unsigned workers = 1;
  WorkerKind worker_kind = WorkerKind::thread;

  /// Fixes each worker, and the threads or processes that it starts, to one CPU, in turn: "all"
  /// takes those that the process may use (sched_getaffinity(2)), a list as in cpuset(7), "0,2-5",
  /// these, which must be among them. Empty: the kernel moves workers about as it likes, which
  /// is right unless there is a CPU for each worker and nothing else to do on it.
  std::string pin_workers{};

  /// Whom the process becomes when its listeners are bound and before it accepts from anybody:
  /// "NAME" or "NAME:GROUP", of which this machine knows (getpwnam(3)). For all of the process and
  /// for good, after which it is checked that root cannot be had again; what it starts gains no
  /// privileges either (PR_SET_NO_NEW_PRIVS, prctl(2)). Files of unix sockets are given to that
  /// user. start() throws for an unknown name, and unless the process is root, or that user with
  /// that group already, as after a restart. Empty: it stays who it is.
  std::string user{};

  /// Each worker gets a listening socket of its own (SO_REUSEPORT, socket(7)), among which the
  /// kernel spreads new connections by hash. Off: all workers accept from one socket, whoever
  /// is free first. On is right for connections that stay on epoll-et, where else one worker may
  /// get most of them; off for blocking models and wherever a worker may be busy for long, which
  /// leaves its own queue waiting: docs/MODELS.md has figures. Unix sockets always share.
  bool reuse_port = false;

  /// Connections that may wait in the kernel to be accepted. The kernel lowers it to
  /// net.core.somaxconn, silently (listen(2)).
  int backlog = 4096;

  /// Listeners on IPv6 serve IPv4 clients too, whose addresses read [::ffff:192.0.2.1]:7000
  /// (RFC 4291, 2.5.5.2). Off: IPv6 only, whatever net.ipv6.bindv6only says, so that both families
  /// can be listened on with the same port.
  bool dual_stack = false;

  /// Permissions of the files of unix sockets, as 0660: whoever may write to one may connect
  /// (unix(7)). They hold from the first moment. At most 0777; 0 = 0777 less the umask.
  unsigned unix_mode = 0;

  // --- limits ----------------------------------------------------------------------------

  /// Connections served at once by the whole server, by all its workers together. Raising it
  /// costs descriptors, and on `threads` and `fork` a thread or a process each. 0 = what the
  /// descriptor limit (RLIMIT_NOFILE) allows, less 32. On `iterative` also one a worker at most.
  unsigned connections_max = 0;

  /// Connections served at once from one address: an IPv4 address, or the first 64 bits of an
  /// IPv6 address. Further ones are closed at once, whatever `overload` says, because leaving
  /// them in the backlog would keep everybody else waiting. Costs one system call a connection.
  /// Unix sockets are not limited. 0 = no limit, the default: behind a proxy or a NAT many
  /// clients share an address.
  unsigned connections_per_address = 0;

  /// At connections_max and out of descriptors: leave new clients in the backlog,
  /// or tell them at once by closing. `pause` suits clients that wait, `reject` those that can go
  /// to another server. Out of descriptors, either way: established connections go on, the
  /// listener rests, and a free descriptor is noticed within 100 ms.
  Overload overload = Overload::pause;

  /// Memory of all buffers of the server, in bytes: of received bytes that handlers hold, and of
  /// outboxes. Near the limit, when a sixteenth is left, new clients meet `overload`. At the limit
  /// receives wait, and a small send that would need a buffer waits, as a large one does, until
  /// the kernel has taken it. All of it goes on as memory comes back, which readers that read,
  /// and the deadlines, see to. Counted in whole blocks. Each worker (each client on `threads`
  /// and `fork`) may go beyond by 20 KiB, so that what passes through goes on. Not in it: what
  /// handlers and the kernel hold, and the 4 MiB that an io-uring worker registers once. At least
  /// 1 MiB; 0 = no limit, the default: outboxes need at most outbox_high times the clients.
  std::size_t memory_max = 0;

  /// `threads` only: stack of each thread, in bytes. Handlers are coroutines, whose frames are
  /// on the heap, so little is needed: for each Task that awaits another some 100 bytes, when the
  /// innermost one goes on. (By g++ 12 with -O1, 3,000 deep fit into the default and 4,000 do
  /// not; without optimisation it is more.) At least 64 KiB.
  std::size_t thread_stack = 256 * 1024;

  // --- who is let in ---------------------------------------------------------------------

  /// Clients that may come, and clients that may not. With something in `allow` only these are
  /// let in; whoever is in `deny` is kept out, also if he is in `allow`. Kept out means: closed at
  /// once, never served, counted (Statistics::refused_network). They go by the socket's address,
  /// which costs one system call a connection, and are looked through from front to back; behind
  /// a proxy they go by what its header says (see proxy_from). Unix sockets are not limited: the
  /// mode of their file does that. Empty, the default: everybody is let in, and nothing is asked.
  std::vector<Network> allow{}, deny{};

  /// Proxies whose word is taken for who the client is. A connection from there must begin with a
  /// PROXY protocol header, version 1 or 2 (haproxy.org, proxy-protocol.txt); then
  /// Connection::peer() and local() are the client's, and allow, deny and connections_per_address
  /// hold for him, not for the proxy. Whoever does not come from there is served as he is: a
  /// header of his would be bytes for the handler. `unix:` stands for every unix socket. Never
  /// name a network from which clients come directly: they could claim to be anybody. Costs
  /// nothing where it is empty, the default.
  std::vector<Network> proxy_from{};

  /// Refuses whoever is not in proxy_from, so that nobody goes past the proxy. Needs proxy_from.
  bool proxy_only = false;

  // --- sending ---------------------------------------------------------------------------

  /// A send() waits while the connection's outbox holds this many bytes or more, and goes on
  /// when it has fallen to outbox_low. Raising it buys throughput to distant readers, and
  /// costs that much memory for each reader that does not keep up.
  std::size_t outbox_high = 64 * 1024;
  std::size_t outbox_low = 16 * 1024;

  /// The textbook's recipe to the letter: never send at once; queue the bytes, ask for
  /// writability, send when told, drop the interest when the outbox is empty. Heeded by
  /// nonblocking, select, poll, epoll-lt and epoll-et. For learning: docs/MODELS.md shows its
  /// cost in system calls.
  bool send_when_writable = false;

  // --- fairness --------------------------------------------------------------------------

  /// What one resume of a handler may complete without waiting before it goes to the end of
  /// the queue: receives, sends and accepts, and their bytes. Lower is fairer, higher faster.
  /// Heeded by the loop models, nonblocking to io-uring; blocking models have no queue.
  unsigned budget_operations = 64;
  std::size_t budget_bytes = 1024 * 1024;

  /// Loop models: a handler that goes on for longer without waiting for anything keeps all other
  /// clients of its worker waiting. That is logged while it lasts, once, with the handler's name
  /// (Server::named) and its connection, and counted (Statistics::stalls). Seen after this time at
  /// the earliest, after one and a half times it at the latest. Costs a thread in each process
  /// that runs workers, which looks twice in this time, and, where on_log() hears of it and a
  /// process has one worker, 1 to 3 % of a small request (docs/DECISIONS.md tells why). 10 ms to
  /// an hour; 0 = off. Blocking models do not heed it: there a handler may block.
  std::chrono::milliseconds stall_after{500};

  // --- waiting ---------------------------------------------------------------------------

  /// `nonblocking` only: never rest, also when whole scans found nobody ready. Otherwise it rests
  /// for up to 1 ms, and in a silence of seconds for up to 16 ms, before it asks everybody again.
  bool spin = false;

  /// The loop models, nonblocking to io-uring: after work, ask again for this long before going
  /// to sleep; on io-uring without a system call. Trades CPU for the latency of one request after
  /// another on few connections; adaptive: it gives up while nothing is found. 0 = off. Not
  /// simulated: virtual time stands still while somebody spins.
  std::chrono::microseconds spin_before_sleep{0};

  /// `io-uring` only: while requests come so fast that several arrive within this time, wait for
  /// several, and serve them with one system call and one wake-up. A request is then answered
  /// later by as much and by the time that the others take, hence off by default; worth it where
  /// CPU time counts more. Adaptive: it learns how many to wait for, up to 64, and a client who is
  /// alone does not wait, but for once when the others have just left. Then a stop, a message or a
  /// new client may wait as long, too. Other models do not heed it, nor does one that spins before
  /// it sleeps. Up to 10 ms; 0 = off.
  std::chrono::microseconds batch_wait{0};

  // --- deadlines -------------------------------------------------------------------------

  // Of the connections that a server accepts. 0 = off for those up to `connection`, which may be
  // two hours long, `connection` seven days. A deadline is never early and up to two seconds late;
  // up to ten for some time after a handler has blocked its loop, or a rush of requests has ended
  // in a trickle. Of the time that a loop is blocked no more than 4.5 s at once count. Whoever
  // waits in the handler gets IoError: ETIMEDOUT in receive(), operation_canceled elsewhere; then
  // the connection is closed as at the handler's end. For limits of your own, and finer ones, use
  // within().

  /// Until the peer has sent its first byte, while the handler waits for it. Lower it where
  /// strangers connect; raise or disable it for protocols in which the server speaks and the
  /// client only listens.
  std::chrono::milliseconds first_byte{30'000};

  /// Until a proxy's header is there (see proxy_from), which a proxy that works sends at once.
  /// Then the connection is reset. Not late by seconds, as the others may be.
  std::chrono::milliseconds proxy_header{5000};

  /// While the handler waits in receive() and nothing moves in either direction. Raising it
  /// keeps quiet clients connected, and the descriptors of those that vanished taken.
  std::chrono::milliseconds idle{300'000};

  /// How long one receive() waits although bytes are sent to the peer meanwhile. Ends clients
  /// that listen and never speak; where they are welcome, switch it off.
  std::chrono::milliseconds receive{3'600'000};

  /// While there are bytes to send and the peer takes none of them, not even of those that the
  /// kernel has (SIOCOUTQ, tcp(7)). Then the connection is reset; late by up to a quarter of it.
  /// Lowering it frees the memory of dead readers sooner.
  std::chrono::milliseconds send{60'000};

  /// From accepting to the end, however busy. At most seven days; late by up to 14 s.
  std::chrono::milliseconds connection{86'400'000};

  /// After the handler has returned: how long a peer that takes none of the last bytes is waited
  /// for, and after those have gone out, how long one that does not close its side. The first is
  /// reset and counted as timed out; the second is closed. The last bytes are never lost to a peer
  /// that reads them within this time. A stop shortens it to half a second at most. 0: waits for
  /// nobody, and the last bytes may be lost.
  std::chrono::milliseconds linger{5000};

  /// How long a stop by signal (Server::handle_signals) lets sessions go on before it cuts them
  /// (see Server::stop). Sessions that are idle end when they have been silent for a moment. 0:
  /// cuts at once.
  std::chrono::milliseconds drain{5000};

  // --- restart (Server::as_service) --------------------------------------------------------

  /// How long the new process may take until it serves. One that is later is ended, and this one
  /// goes on as before. Raise it where a start reads much. Above 0.
  std::chrono::milliseconds restart_ready{30'000};

  /// How long the old process lets its sessions go on once the new one has taken over: what
  /// `drain` is for a stop. Nobody waits for its end, so it may be long; it costs the memory of
  /// a process that has little left to do. 0: cuts at once.
  std::chrono::milliseconds restart_drain{60'000};
};

}  // namespace weir
