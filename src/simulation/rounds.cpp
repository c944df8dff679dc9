#include "simulation/rounds.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/running.h"
#include "simulation/node.h"

namespace weir::simulated {

void Rounds::note(bool in_vain, std::int64_t now, detail::Running& running) {
  if (!in_vain) {
    count_ = 0;
    return resumed_.clear();
  }
  if (count_ == 0) began_ = now;
  if (++count_ <= enough - watched) return;
  static_cast<void>(running.still_runs());  // Marks it.
  running.look_at_marked([this](const detail::Socket* socket) { resumed_.push_back(socket); });
}

std::string Rounds::what(Node& node, Network& network) const {
  std::string text = fmt::format(
      "it goes round and round: from {:.3f} ms on {} took {} turns without rest, in which "
      "nothing was sent or received, and nobody got a message that he had waited for\n",
      static_cast<double>(began_) / 1e6,
      node.serves ? fmt::format("worker {}", node.calls.name()) : "the scenario", enough);
  const auto line = [&](const detail::Socket* socket, const std::string& name, const char* why) {
    const auto turns = std::ranges::count(resumed_, socket);
    if (turns == 0) return;
    text +=
        fmt::format("  {} was resumed in {} of the last {} turns{}\n", name, turns, watched, why);
  };
  constexpr const char* at_once =
      ": what it awaits ends at once each time (sleep_for(0), a closed Channel, ...)";
  node.worker->visit_sessions([&](detail::Session& session) {
    const detail::Socket& socket = session.socket();
    const Stream* stream = socket.fd < 0 ? nullptr : network.stream(socket.fd);
    if (stream == nullptr) return;
    const bool at_end = stream->ends_taken >= watched;
    line(&socket, stream->title(),
         at_end ? ": it receives the end of the stream again and again" : at_once);
  });
  line(nullptr,
       node.serves ? "a timer or a task of no connection" : "the scenario, or a task beside it,",
       at_once);
  return text;
}

}  // namespace weir::simulated
