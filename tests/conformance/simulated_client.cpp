#include "tests/conformance/simulated_client.h"

#include <poll.h>

#include <cerrno>
#include <stdexcept>

#include "simulation/world.h"
#include "tests/support/deadline.h"
#include "tests/support/fd.h"

namespace conformance {

using weir::simulated::Network;
using weir::simulated::Stream;
using weir::simulated::WorldState;
using weir::simulation::World;

template <class Action>
void SimulatedClient::at_stream(Action action) {
  world_.act([&](World&) {
    Network& network = WorldState::current()->network();
    action(network, *network.stream(fd_));
  });
}

SimulatedClient::SimulatedClient(SimulatedWorld& world, const std::string& address,
                                 const support::LineOptions& options)
    : world_(world) {
  const weir::Endpoint endpoint = weir::Endpoint::parse(address);
  world_.act([&](World&) {
    constexpr unsigned clients = 0;  // Who has it open: the node of the world's clients.
    Network& network = WorldState::current()->network();
    fd_ = network.make_stream(endpoint, clients);
    Stream& stream = *network.stream(fd_);
    // As roomy as a kernel's, or as small as the test wants it.
    constexpr std::size_t usual = 400'000;
    stream.out->capacity = usual;
    stream.in->capacity =
        options.receive_buffer > 0 ? static_cast<std::size_t>(options.receive_buffer) : usual;
    network.connect(stream, endpoint);
    if (options.from.empty()) return;
    const weir::Endpoint from = weir::Endpoint::parse(options.from);
    stream.local.address = stream.peer->remote.address = from.address;
  });
  if (!wait(POLLOUT, support::Deadline().left_ms())) {
    throw std::runtime_error("no connection to " + address);
  }
  at_stream([&](Network& network, Stream& stream) {
    if (stream.phase != Stream::State::failed) return;
    errno = stream.error;
    network.close(fd_);  // A constructor that throws has no destructor to do it.
    support::fail("connect to " + address);
  });
}

SimulatedClient::~SimulatedClient() {
  try {
    world_.act([this](World&) { WorldState::current()->network().close(fd_); });
  } catch (const std::exception&) {
    // The world has failed, and says so.
  }
}

ssize_t SimulatedClient::send(std::string_view bytes, int flags) {
  if (flags != 0) throw std::logic_error("no urgent data in a simulation");
  std::int64_t result = 0;
  at_stream([&](Network& network, Stream& stream) {
    result = network.send(stream, bytes);
    if (result > 0) network.give(stream, bytes.substr(0, static_cast<std::size_t>(result)));
  });
  if (result >= 0) return static_cast<ssize_t>(result);
  errno = static_cast<int>(-result);
  return -1;
}

ssize_t SimulatedClient::receive(char* data, std::size_t size) {
  std::int64_t result = 0;
  at_stream([&](Network& network, Stream& stream) {
    result = network.receive(stream, data, size);
    if (result > 0) network.take(stream, {data, static_cast<std::size_t>(result)});
    if (result == 0) network.take_end(stream);
  });
  if (result >= 0) return static_cast<ssize_t>(result);
  errno = static_cast<int>(-result);
  return -1;
}

// The bits of poll(2) are those of the simulated kernel.
bool SimulatedClient::wait(short events, int milliseconds) {
  const auto wanted = static_cast<std::uint32_t>(events | POLLERR | POLLHUP);
  return world_.eventually(
      [&](World&) {
        return (WorldState::current()->network().stream(fd_)->state() & wanted) != 0;
      },
      std::chrono::milliseconds(milliseconds));
}

bool SimulatedClient::was_reset() {
  bool reset = false;
  at_stream([&](Network&, Stream& stream) { reset = (stream.state() & POLLERR) != 0; });
  return reset;
}

std::size_t SimulatedClient::unread() {
  std::size_t count = 0;
  at_stream([&](Network&, Stream& stream) { count = stream.in->unread(); });
  return count;
}

std::size_t SimulatedClient::undelivered() {
  std::size_t count = 0;
  at_stream([&](Network&, Stream& stream) {
    count = static_cast<std::size_t>(stream.out->sent - stream.out->arrived);
  });
  return count;
}

void SimulatedClient::finish() {
  at_stream([](Network& network, Stream& stream) { network.finish_sending(stream); });
}

void SimulatedClient::reset_on_close() {
  at_stream([](Network&, Stream& stream) { stream.reset_on_close = true; });
}

}  // namespace conformance
