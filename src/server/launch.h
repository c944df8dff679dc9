// launch.h - what a server is to be: options that make sense, and a model that works here.
#pragma once

#include <cstddef>

#include <weir/server.h>

#include "session/room.h"

namespace weir::detail {

/// The limits that hold for all workers together.
Room::Limits limits_of(const Options& options) noexcept;

/// Throws StartError for options that make no sense.
void check_options(const Options& options);

/// What automatic and WEIR_MODEL come to. Throws StartError for an unknown name or a model that
/// does not work here.
Choice resolve_model(Model asked);

}  // namespace weir::detail
