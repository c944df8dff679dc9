// simulation.cpp - the public face of a world.
#include <weir/error.h>
#include <weir/simulation.h>

#include <utility>

#include "base/duration.h"
#include "session/session.h"
#include "simulation/world.h"

namespace weir::simulation {

using simulated::Entry;

bool can_simulate(Model model) noexcept {
  switch (model) {
    case Model::automatic:
    case Model::iterative:
    case Model::poll:
    case Model::epoll_lt:
    case Model::epoll_et:
    case Model::io_uring: return true;
    default: return false;
  }
}

const Endpoint& Server::endpoint() const noexcept { return service_->endpoint; }

void Server::stop(std::chrono::milliseconds drain) noexcept {
  service_->world->stop(*service_, base::nanoseconds(drain));
}

bool Server::stopped() const noexcept { return service_->world->stopped(*service_); }

Statistics Server::statistics() const noexcept { return service_->world->statistics(*service_); }

Server World::serve_handler(detail::Handler* handler, const Serving& serving) {
  std::unique_ptr<detail::Handler> owned(handler);
  if (!can_simulate(serving.model)) {
    throw StartError(
        "this model is not simulated; there are iterative, poll, epoll-lt, epoll-et "
        "and io-uring");
  }
  return Server(state_->serve(std::move(owned), serving));
}

Task<Client> World::connect(Server server) { return weir::connect(server.endpoint()); }

Task<Client> World::connect(Server server, Endpoint from) {
  if (server.endpoint().family == Endpoint::Family::unix_socket) return connect(server);
  return weir::connect(server.endpoint(), std::move(from));
}

void World::spawn(Task<> task) { state_->spawn(std::move(task)); }

void World::check(bool condition, std::string_view what) {
  if (!condition) fail(what);
}

void World::fail(std::string_view what) {
  // A handler's exception ends its session only, so the world is told, too.
  const std::string failure = "a check failed: " + simulated::one_line(what);
  state_->note_failure(failure);
  throw simulated::Stop(failure);
}

void World::vanish(Connection& connection) {
  const int fd = detail::Session::of(connection).socket().fd;
  simulated::Network& network = state_->network();
  if (fd < 0) return;
  network.note_strike(Fault::vanish);
  network.vanish(*network.stream(fd));
}

void World::note(std::string_view line) {
  state_->trace().add_text(state_->network().now(), Entry::note, line);
}

std::uint64_t World::random(std::uint64_t limit) {
  return state_->scenario_chance().below(limit);
}

std::string World::text(std::size_t size) {
  std::string result(size, ' ');
  for (char& letter : result) letter = static_cast<char>('a' + random(26));
  return result;
}

std::uint64_t World::seed() const noexcept { return state_->seed(); }

std::chrono::nanoseconds World::now() const noexcept {
  return std::chrono::nanoseconds(state_->elapsed());
}

bool World::intact() const noexcept { return state_->breaking_strikes() == 0; }

std::uint64_t World::struck(Fault fault) const noexcept {
  return state_->network().struck(fault);
}

}  // namespace weir::simulation
