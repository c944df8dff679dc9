// launch.h - a server's workers, as threads or as processes.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include <weir/server.h>

#include "engine/control.h"
#include "model/model.h"
#include "os/fd.h"
#include "os/process.h"
#include "os/thread.h"
#include "os/waker.h"

namespace weir::detail {

/// One worker of a server: its plan and, if it is a thread, that.
struct Member {
  const ModelEntry* model = nullptr;
  os::SharedStatistics* statistics = nullptr;
  Plan plan;
  os::Waker waker;
  Control control{waker};
  os::Thread thread;
  bool has_thread = false;
  std::string failure;  ///< why run() ended by an exception; empty otherwise

  /// Runs the worker on this thread and adds what it counted to the server's sums.
  void run() noexcept;
};

/// Opens the listeners of every worker. Throws StartError naming address and cause; then none is
/// open.
using Fds = std::vector<os::Fd>;
std::vector<Fds> open_listeners(std::vector<Endpoint>& endpoints, const Options& options,
                                const ModelEntry& model);

/// The share of `connections_max` for each of `workers`, at least one.
std::size_t connections_share(const Options& options, unsigned index) noexcept;

/// Throws StartError for options that make no sense.
void check_options(const Options& options);

/// What automatic and WEIR_MODEL come to. Throws StartError for an unknown name or a model that
/// does not work here.
Choice resolve_model(Model asked);

}  // namespace weir::detail
