// conversation.h - a real server, two scripted clients, and what the server asked of the system.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <weir/model.h>
#include <weir/trace.h>

namespace weir::cli {

/// What one of the clients did, and from which call on the server answered it.
struct Act {
  std::string title;
  std::size_t first_call = 0;
};

struct Conversation {
  Model model = Model::automatic;
  std::vector<Act> acts;
  std::vector<TracedCall> calls;  ///< in the order of returning; those that never did at the end
};

/// Runs the model with an echo handler until both clients have left. `literal`: by the textbook
/// (Options::send_when_writable). Throws StartError when the model does not work here.
Conversation converse(Model model, bool literal);

}  // namespace weir::cli
