// launch.h - what a server is to be: options that make sense, and a model that works here.
#pragma once

#include <cstddef>

#include <weir/server.h>

namespace weir::detail {

/// The share of `connections_max` for each of `workers`, at least one.
std::size_t connections_share(const Options& options, unsigned index) noexcept;

/// Throws StartError for options that make no sense.
void check_options(const Options& options);

/// What automatic and WEIR_MODEL come to. Throws StartError for an unknown name or a model that
/// does not work here.
Choice resolve_model(Model asked);

}  // namespace weir::detail
