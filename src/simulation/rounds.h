// rounds.h - a node that goes round and round: turn after turn it neither rests nor moves anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::detail {
struct Socket;
class Running;
}  // namespace weir::detail

namespace weir::simulated {

class Network;
class Node;

class Rounds {
 public:
  /// So many turns in a row are a bug: 75 ms without rest. A descriptor that lives on in another
  /// process for a while, and tells of what nobody can receive, costs 2,000 at most; neither the
  /// campaigns nor the conformance suite know more. A long computation that lets others have
  /// their turn by sleep_for(0) has room beside that.
  static constexpr unsigned enough = 50'000;

  /// After each turn. `in_vain`: it moved nothing, and the node does not sleep now.
  void note(bool in_vain, std::int64_t now, detail::Running& running);
  bool too_many() const noexcept { return count_ >= enough; }
  /// Of too many: whose code ran in the last of them, and what is known of what it awaits.
  std::string what(Node& node, Network& network) const;

 private:
  static constexpr unsigned watched = 1'000;

  unsigned count_ = 0;
  std::int64_t began_ = 0;
  // Whom each of the last turns resumed; nullptr: nobody's handler. While nothing moves, no
  // connection is closed, so they stay.
  std::vector<const detail::Socket*> resumed_;
};

}  // namespace weir::simulated
