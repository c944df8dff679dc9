// exchange.h - the protocol of a load: makes the requests of one connection and takes the replies
// apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>

#include "cli/load/load.h"
#include "cli/load/pattern.h"

namespace weir::cli {

/// What came back is not what has to come back: what() says in two or three words how.
class BadReply : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  /// A connection begins: nothing is outstanding.
  virtual void begin() = 0;
  /// The next request's bytes; valid until the next call.
  virtual std::span<const std::byte> request() = 0;
  /// Takes in what was received; yields how many replies have become complete. Throws BadReply.
  virtual unsigned take(std::span<const std::byte> bytes) = 0;
  /// The server has finished sending: how many replies that completes. Throws BadReply when it
  /// is too early.
  virtual unsigned take_end(std::size_t outstanding) = 0;
  /// Whether the server has said that it closes after the latest reply.
  virtual bool closes() const noexcept { return false; }
};

/// How often each HTTP status came.
using Statuses = std::array<std::uint64_t, 600>;

/// Every byte comes back. Both arguments outlive it.
std::unique_ptr<Exchange> make_echo_exchange(const Pattern& pattern, std::uint64_t connection);
/// The same request each time; replies are counted in `statuses`. Both arguments outlive it.
std::unique_ptr<Exchange> make_http_exchange(const Load& load, Statuses& statuses);

/// The request that `text` stands for: a request line such as `GET / HTTP/1.1`, to which the rest
/// is added, or whole request with its header, taken as it is.
std::string http_request(const std::string& text, const Endpoint& server);

}  // namespace weir::cli
