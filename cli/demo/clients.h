// clients.h - real TCP clients for an echo server: plain sockets and an epoll loop.
//
// Nothing of the library is used here: a verdict on it must not depend on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::demo {

/// What the clients shall do. Each has one message in flight: it sends the next when the one
/// before has come back, and leaves when its time is over or its messages are used up.
struct Load {
  std::uint16_t port = 0;
  unsigned clients = 64;
  unsigned at_once = 64;                     ///< 1: one after another
  std::chrono::milliseconds duration{1000};  ///< over all clients
  std::uint64_t messages_each = UINT64_MAX;
  std::size_t size = 64;      ///< of each message, or the largest of
  bool random_sizes = false;  ///< sizes from 1 byte on
  std::uint64_t seed = 1;
};

struct Outcome {
  unsigned served = 0;         ///< clients that got every byte back, then a proper end
  std::uint64_t requests = 0;  ///< messages that came back whole and right
  std::uint64_t bytes = 0;
  double seconds = 0;
  std::string fault;  ///< the first thing that went wrong; empty if nothing did
};

/// Connects the clients to 127.0.0.1, drives them to their end, checks every byte.
/// Throws std::system_error only for what is not the server's fault.
Outcome drive(const Load& load);

}  // namespace weir::demo
