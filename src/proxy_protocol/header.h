// header.h - the header by which a proxy says whose connection it passes on, from bytes: no I/O.
//
// The PROXY protocol, versions 1 and 2, as "The PROXY protocol, Versions 1 & 2" by Willy Tarreau
// has it (haproxy.org, doc/proxy-protocol.txt). Strict where a sender must be: what is not a
// header by that text is invalid. What it calls unspecified or datagrams comes from unknown peers.
#pragma once

#include <cstddef>
#include <string_view>

#include <weir/endpoint.h>

namespace weir::proxy_protocol {

struct Header {
  enum class Of : unsigned char {
    proxy,    ///< the proxy's own connection, a health check say: the socket's addresses count
    unknown,  ///< a client's whom the proxy cannot name
    client,   ///< a client's: `peer` and `local` are his, and where he reached the proxy
  };
  Of of = Of::proxy;
  Endpoint peer;
  Endpoint local;
};

struct Reading {
  enum class State : unsigned char {
    incomplete,  ///< nothing wrong so far; more has to come
    invalid,     ///< whatever comes, it is no header; `why` says why
    whole,       ///< the header is there
  };
  State state = State::incomplete;
  std::size_t size = 0;  ///< whole: how many of the bytes are the header's
  const char* why = "";
};

/// Bytes that a header of version 1, and one of any version, may have. The first is the
/// protocol's; the second is ours: addresses of unix sockets take 232, the rest are TLVs.
constexpr std::size_t longest_line = 107;
constexpr std::size_t longest_header = 4096;

/// Reads the header that the bytes begin with. Call it again with all of them when more have
/// come: what they come to does not depend on how they were cut. Sets `header` when it is whole.
/// Throws std::bad_alloc, for the path of a unix socket.
Reading read(std::string_view bytes, Header& header);

}  // namespace weir::proxy_protocol
