// handlers.h - the handlers under test: the small servers that everybody writes first.
#pragma once

#include <weir/connection.h>
#include <weir/task.h>

namespace simulation_tests {

weir::Task<> echo(weir::Connection& peer);

}  // namespace simulation_tests
