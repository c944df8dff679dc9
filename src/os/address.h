// address.h - Endpoint to and from sockaddr.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weir/endpoint.h>

namespace weir::os {

/// Room for any sockaddr (sockaddr(3type)) without its header.
struct SocketAddress {
  alignas(8) std::byte bytes[128];
  std::uint32_t length = 0;

  static SocketAddress of(const Endpoint& endpoint) noexcept;
  Endpoint endpoint() const;
};

}  // namespace weir::os
