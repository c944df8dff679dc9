#include "tests/simulation/handlers.h"

namespace simulation_tests {

using weir::Chunk;
using weir::Connection;
using weir::Task;

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

}  // namespace simulation_tests
