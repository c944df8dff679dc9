// introduction.h - connections that a proxy passes on: who the client is, as its header said.
//
// None of it is in a session: those that nobody introduces pay nothing.
#pragma once

#include <cstdint>
#include <unordered_map>

#include <weir/chunk.h>
#include <weir/endpoint.h>

namespace weir::detail {

struct Introduction {
  Endpoint peer, local;   ///< family none: the socket's own addresses count
  Chunk rest;             ///< came behind the header, and is the handler's
  std::uint64_t key = 0;  ///< as which the client's address is counted; 0: it is not
};

/// Of a worker, by the connections' ids.
using Introductions = std::unordered_map<std::uint64_t, Introduction>;

}  // namespace weir::detail
