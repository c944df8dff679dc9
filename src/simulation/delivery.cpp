#include "simulation/delivery.h"

#include <fmt/format.h>

#include <algorithm>

#include "session/session.h"
#include "simulation/network.h"

namespace weir::simulated {
namespace {

std::string_view text_of(detail::Piece bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The first few bytes, as text.
std::string shown(std::string_view bytes) {
  constexpr std::size_t few = 16;
  std::string text;
  for (const char byte : bytes.substr(0, few)) {
    const bool is_plain = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
    text += is_plain ? std::string(1, byte)
                     : fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return fmt::format("\"{}\"{}", text, bytes.size() > few ? "..." : "");
}

}  // namespace

void Delivery::give(std::string_view bytes) {
  if (taken_ > bytes_.size() / 2) {
    bytes_.erase(0, taken_);
    taken_ = 0;
  }
  bytes_.append(bytes);
}

std::string Delivery::take(std::string_view bytes) {
  const std::string_view next = std::string_view(bytes_).substr(taken_);
  const std::size_t known = std::min(bytes.size(), next.size());
  const std::size_t same = static_cast<std::size_t>(
      std::mismatch(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(known),
                    next.begin())
          .first -
      bytes.begin());
  if (same == bytes.size()) {
    taken_ += same;
    position_ += bytes.size();
    return {};
  }
  const std::string_view wrong = bytes.substr(same), right = next.substr(same);
  return fmt::format("from byte {} on {} was got, where {} was given", position_ + same,
                     shown(wrong), right.empty() ? "nothing more" : shown(right));
}

std::string Delivery::end() const {
  const std::size_t missing = bytes_.size() - taken_;
  if (missing == 0 || is_given_up_) return {};
  return fmt::format("the end of the stream came after byte {}, before {} that were given",
                     position_, missing);
}

void Delivery::put_back(std::string_view bytes) {
  bytes_.replace(0, taken_, bytes);
  taken_ = 0;
  position_ -= bytes.size();
}

void NetworkWitness::gave(detail::Session& session, detail::Piece bytes) {
  if (Stream* stream = network_.stream(session.socket().fd)) {
    network_.give(*stream, text_of(bytes));
  }
}

void NetworkWitness::got(detail::Session& session, detail::Piece bytes) {
  if (Stream* stream = network_.stream(session.socket().fd)) {
    network_.take(*stream, text_of(bytes));
  }
}

void NetworkWitness::got_end(detail::Session& session) {
  if (Stream* stream = network_.stream(session.socket().fd)) network_.take_end(*stream);
}

void NetworkWitness::gave_up(detail::Session& session) noexcept {
  const int fd = session.socket().fd;  // It may be closed already.
  if (Stream* stream = fd < 0 ? nullptr : network_.stream(fd)) stream->out->delivery.give_up();
}

void NetworkWitness::put_back(detail::Session& session, detail::Piece bytes) {
  if (Stream* stream = network_.stream(session.socket().fd)) {
    stream->in->delivery.put_back(text_of(bytes));
  }
}

}  // namespace weir::simulated
