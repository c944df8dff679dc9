// launch.h - what a server is to be: options that make sense, and a model that works here.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <weir/server.h>

#include "os/identity.h"
#include "session/room.h"

namespace weir::detail {

/// The limits that hold for all workers together.
Room::Limits limits_of(const Options& options) noexcept;

/// Throws StartError for options that make no sense.
void check_options(const Options& options);

/// The CPU of each worker by Options::pin_workers; empty: none is pinned. Throws StartError.
std::vector<int> cpus_of(const Options& options);

/// Options::user; nothing if it is empty. Throws StartError if it is unknown, or if this process
/// cannot become it.
std::optional<os::Identity> identity_of(const Options& options);

/// What automatic and WEIR_MODEL come to. Throws StartError for an unknown name or a model that
/// does not work here.
Choice resolve_model(Model asked);

}  // namespace weir::detail
