// delivery.h - what the program at one end of a connection has given to be sent, and the program
// at the other has not got yet: the promise that everything between them has to keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "session/witness.h"

namespace weir::simulated {

class Network;

/// One direction. Knows nothing of how the bytes travel, so that it can judge it.
class Delivery {
 public:
  void give(std::string_view bytes);
  /// Empty if these are the next bytes of what was given; else what is wrong with them.
  std::string take(std::string_view bytes);
  /// The program that gives ends the connection early: what is not taken may be lost.
  void give_up() noexcept { is_given_up_ = true; }
  /// Empty if nothing of what was given is missing now that the end has come; else what is.
  std::string end() const;
  /// These were taken last, and will be once more.
  void put_back(std::string_view bytes);

 private:
  std::string bytes_;  // Given; from `taken_` on: and not taken.
  std::size_t taken_ = 0;
  std::uint64_t position_ = 0;  // Of the next byte, from the stream's beginning.
  bool is_given_up_ = false;
};

/// Tells the network what handlers and clients give and get.
class NetworkWitness final : public detail::Witness {
 public:
  explicit NetworkWitness(Network& network) noexcept : network_(network) {}

  void gave(detail::Session& session, detail::Piece bytes) override;
  void got(detail::Session& session, detail::Piece bytes) override;
  void got_end(detail::Session& session) override;
  void gave_up(detail::Session& session) noexcept override;
  void put_back(detail::Session& session, detail::Piece bytes) override;

 private:
  Network& network_;
};

}  // namespace weir::simulated
