// simulated_client.h - a test's client in a world: the calls of a socket, over its network.
#pragma once

#include <string>

#include "tests/conformance/simulated.h"
#include "tests/support/line.h"

namespace weir::simulated {
class Network;
class Stream;
}  // namespace weir::simulated

namespace conformance {

class SimulatedClient final : public support::Line {
 public:
  SimulatedClient(SimulatedWorld& world, const std::string& address,
                  const support::LineOptions& options);
  ~SimulatedClient() override;

  ssize_t send(std::string_view bytes, int flags) override;
  ssize_t receive(char* data, std::size_t size) override;
  bool wait(short events, int milliseconds) override;
  bool was_reset() override;
  std::size_t unread() override;
  std::size_t undelivered() override;
  void finish() override;
  void reset_on_close() override;

 private:
  /// Does something with the network and this end of the connection.
  template <class Action>
  void at_stream(Action action);

  SimulatedWorld& world_;
  int fd_ = -1;
};

}  // namespace conformance
