// crc32c.h - the checksum of iSCSI and of PROXY headers (RFC 3720, appendix B.4).
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::proxy_protocol {

/// Goes on from what an earlier piece of the same bytes came to; 0 at the beginning.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

}  // namespace weir::proxy_protocol
