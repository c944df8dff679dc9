// model.h - the I/O models: how a server waits for its clients.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir {

/// How a server waits for and serves its clients. Every handler runs on every model.
/// docs/MODELS.md has each one's recipe, cost and limits.
enum class Model : std::uint8_t {
  automatic,    ///< WEIR_MODEL if it is set; else the best one here: io-uring, else epoll-et
  iterative,    ///< one client at a time, blocking calls
  fork,         ///< a child process for each client
  threads,      ///< a thread for each client
  nonblocking,  ///< one loop asks every client in turn
  select,       ///< select(2): portable, descriptors below FD_SETSIZE
  poll,         ///< poll(2): the same without the limit
  epoll_lt,     ///< epoll(7), level-triggered
  epoll_et,     ///< epoll(7), edge-triggered
  io_uring,     ///< io_uring(7): completions; Linux 6.1 or later
};

/// One step of a model's recipe.
struct RecipeStep {
  std::string_view text;   ///< what is done, one sentence
  std::string_view where;  ///< which part of src/ does it
  /// The system calls that belong to it (TracedCall::name), separated by spaces. With a mark, only
  /// some of them: `recv*` on a descriptor that was just reported ready, `accept4=` that brought
  /// something, `epoll_ctl+` that asks for more than before, `epoll_ctl-` for less, `close!` made
  /// by the thread or process that serves one client.
  std::string_view calls;
};

/// What is known of a model without running it.
struct ModelInfo {
  Model model;
  std::string_view name;     ///< as on the command line: "epoll-et"
  std::string_view summary;  ///< what it does, one line
  std::string_view limit;    ///< what bounds it, one line
  /// What it does, step by step, numbered from 1: docs/MODELS.md, `weir explain`.
  std::span<const RecipeStep> recipe;
};

/// Whether a model works on this machine now; found by trying, never by version.
struct Availability {
  bool available = false;
  std::string reason;  ///< if not: the cause and the remedy, one line
};

/// The models in the order of the textbooks, `automatic` not among them. Any thread.
std::span<const ModelInfo> models() noexcept;
std::string_view name(Model model) noexcept;
/// "epoll-et" or "epoll_et"; empty for an unknown name.
std::optional<Model> model_named(std::string_view name) noexcept;
Availability availability(Model model);

/// What Model::automatic stands for here when WEIR_MODEL is not set, and why.
struct Choice {
  Model model;
  std::string reason;
};
Choice choose_model();

}  // namespace weir
