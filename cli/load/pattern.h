// pattern.h - what is sent to an echo server: messages that are all different and cost nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::cli {

/// A long run of random bytes. A message is a part of it that begins where the number of the
/// connection and of the message say, so that a reply that belongs to another message, or to
/// another connection, is found out: by comparing with memory that is in the cache anyway.
class Pattern {
 public:
  Pattern(std::size_t message, std::uint64_t seed);

  std::span<const std::byte> message(std::uint64_t connection,
                                     std::uint64_t number) const noexcept;

 private:
  std::size_t size_;
  std::vector<std::byte> bytes_;
};

}  // namespace weir::cli
