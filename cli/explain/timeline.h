// timeline.h - a conversation as lines to read: descriptors get names, calls get their step.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/explain/conversation.h"

namespace weir::cli {

/// One call as it is printed.
struct Line {
  std::string step;     ///< of the recipe: "3"; or "listen", "wake", "end"; or nothing
  std::string call;     ///< "recv(A, 512 bytes)"
  std::string outcome;  ///< "\"hello\""
  std::string lane;     ///< who calls: "server", or the client that the thread or process serves
  std::string about;    ///< the client that it is about, or nothing
  std::int64_t begin = 0;  ///< ns since the first call
  std::int64_t took = 0;   ///< ns
};

struct Scene {
  std::string title;
  std::vector<Line> lines;
};

/// What is said of a scene without lines.
constexpr std::string_view no_call = "(no call: the server is busy, the kernel answers)";

struct Timeline {
  ModelInfo info;
  std::vector<Scene> scenes;
  bool several_lanes = false;
};

/// The same conversation gives the same lines, whatever numbers the kernel gave out. Repeated
/// calls in vain are told once, preparations (signals, memory) not at all; `everything` on: they
/// are.
Timeline timeline(const Conversation& conversation, bool everything);

/// What stands in Line::step beside the numbers of the recipe.
struct SharedStep {
  std::string_view name;
  std::string_view text;
  std::string_view calls;
};
std::span<const SharedStep> shared_steps() noexcept;

}  // namespace weir::cli
