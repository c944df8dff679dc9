#include "cli/handlers.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <string>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <weir/when.h>

namespace weir::cli {
namespace {

// RFC 862: every byte comes back.
Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

// RFC 863: every byte is thrown away, until the client has finished.
Task<> discard(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) continue;
}

// The pattern that RFC 864 describes: the 95 printing characters as a ring, of which line n
// holds 72, from the n-th on. After 95 lines it repeats.
std::string chargen_pattern() {
  constexpr int ring = 95;
  std::string lines;
  for (int line = 0; line < ring; ++line) {
    for (int column = 0; column < 72; ++column) {
      lines += static_cast<char>(' ' + (line + column) % ring);
    }
    lines += "\r\n";
  }
  return lines;
}

Task<> generate(Connection& peer) {
  static const std::string pattern = chargen_pattern();
  while (true) co_await peer.send(pattern);
}

// RFC 864: characters without end, whatever comes in, until the client closes.
Task<> chargen(Connection& peer) { co_await when_any(generate(peer), discard(peer)); }

// RFC 867: the date and time as a line, whatever comes in.
Task<> daytime(Connection& peer) {
  const std::tm now = fmt::gmtime(std::time(nullptr));
  const std::string line = fmt::format("{:%A, %B %d, %Y %H:%M:%S}-UTC\r\n", now);
  co_await peer.send(line);
}

// RFC 868: seconds since 1900, 32 bits in network order; they wrap round in 2036.
Task<> time(Connection& peer) {
  constexpr std::uint64_t from_1900_to_1970 = 2'208'988'800;
  const auto now = static_cast<std::uint64_t>(std::time(nullptr)) + from_1900_to_1970;
  std::array<std::byte, 4> bytes{};
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::byte>(now >> (24 - 8 * i));
  co_await peer.send(bytes);
}

constexpr std::array table{
    HandlerInfo{"echo", "sends back every byte (RFC 862)", echo},
    HandlerInfo{"discard", "throws every byte away (RFC 863)", discard},
    HandlerInfo{"chargen", "sends characters until the client closes (RFC 864)", chargen},
    HandlerInfo{"daytime", "sends date and time in UTC as a line, then closes (RFC 867)",
                daytime},
    HandlerInfo{"time", "sends seconds since 1900 as 4 bytes, then closes (RFC 868)", time},
};

}  // namespace

std::span<const HandlerInfo> handlers() noexcept { return table; }

const HandlerInfo* handler_named(std::string_view name) noexcept {
  const auto* found = std::ranges::find(table, name, &HandlerInfo::name);
  return found == table.end() ? nullptr : found;
}

}  // namespace weir::cli
