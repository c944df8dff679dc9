#include <algorithm>
#include <cstring>

#include "cli/load/exchange.h"

namespace weir::cli {
namespace {

class EchoExchange final : public Exchange {
 public:
  EchoExchange(const Pattern& pattern, std::uint64_t connection)
      : pattern_(pattern), connection_(connection) {}

  void begin() override {
    // What a broken connection still owed is not expected on the next one.
    answered_ = sent_;
    rest_ = {};
  }

  std::span<const std::byte> request() override { return pattern_.message(connection_, sent_++); }

  unsigned take(std::span<const std::byte> bytes) override {
    unsigned replies = 0;
    while (!bytes.empty()) {
      if (rest_.empty()) {
        if (answered_ == sent_) throw BadReply("more bytes than were sent");
        rest_ = pattern_.message(connection_, answered_);
      }
      const std::size_t count = std::min(bytes.size(), rest_.size());
      if (std::memcmp(bytes.data(), rest_.data(), count) != 0) throw BadReply("wrong bytes");
      bytes = bytes.subspan(count);
      rest_ = rest_.subspan(count);
      if (!rest_.empty()) break;
      ++answered_;
      ++replies;
    }
    return replies;
  }

  unsigned take_end(std::size_t) override { throw BadReply("closed by the server"); }

 private:
  const Pattern& pattern_;
  const std::uint64_t connection_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  std::span<const std::byte> rest_;  // Of the message that is coming back.
};

}  // namespace

std::unique_ptr<Exchange> make_echo_exchange(const Pattern& pattern, std::uint64_t connection) {
  return std::make_unique<EchoExchange>(pattern, connection);
}

}  // namespace weir::cli
