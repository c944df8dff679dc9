#include "cli/load/pattern.h"

#include "cli/random.h"

namespace weir::cli {
namespace {

constexpr std::size_t beginnings = 16 * 1024;

}  // namespace

Pattern::Pattern(std::size_t message, std::uint64_t seed)
    : size_(message), bytes_(message + beginnings) {
  Random(seed).fill(bytes_);
}

std::span<const std::byte> Pattern::message(std::uint64_t connection,
                                            std::uint64_t number) const noexcept {
  const std::size_t begin = Random(connection << 40 ^ number).below(beginnings);
  return std::span(bytes_).subspan(begin, size_);
}

}  // namespace weir::cli
