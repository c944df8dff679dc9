// network.cpp - descriptors, connecting and arriving. What streams do is in stream.cpp.
#include "simulation/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "kernel/epoll.h"

namespace weir::simulated {
namespace {

using namespace kernel::event;

constexpr std::int64_t second = 1'000'000'000;
constexpr int first_fd = 3;

}  // namespace

Network::Network(std::uint64_t seed, const simulation::Faults& faults, Trace& trace)
    : faults_(faults), trace_(trace), prng_(seed) {}

Network::~Network() = default;

bool Network::strikes(Fault fault) {
  if (!prng_.chance(faults_[fault])) return false;
  note_strike(fault);
  return true;
}

void Network::note_strike(Fault fault) {
  ++struck_[static_cast<std::size_t>(fault)];
  trace_.add(now_, Entry::fault, static_cast<std::uint64_t>(fault));
}

std::uint64_t Network::breaking_strikes() const noexcept {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < simulation::fault_count; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (simulation::breaks(fault) || fault == Fault::clock_leap) count += struck(fault);
  }
  return count;
}

void Network::schedule(std::int64_t at, Arrival what, File& file, std::uint64_t count) {
  ++moved_;
  events_.push({at, order_++, what, &file, count});
}

// --- descriptors -----------------------------------------------------------------------------

int Network::open(File& file) {
  ++moved_;
  ++file.references;
  ++open_count_;
  while (lowest_free_ < descriptors_.size() && descriptors_[lowest_free_] != nullptr) {
    ++lowest_free_;
  }
  if (lowest_free_ == descriptors_.size()) descriptors_.push_back(nullptr);
  descriptors_[lowest_free_] = &file;
  return static_cast<int>(lowest_free_) + first_fd;
}

int Network::duplicate(int fd) {
  File* found = file(fd);
  return found == nullptr ? -EBADF : open(*found);
}

File* Network::file(int fd) noexcept {
  const auto index = static_cast<std::size_t>(fd - first_fd);
  if (fd >= first_fd && index < descriptors_.size() && descriptors_[index] != nullptr) {
    return descriptors_[index];
  }
  note_misuse(fmt::format("a call on descriptor {}, which is not open", fd));
  return nullptr;
}

Stream* Network::stream(int fd) noexcept {
  File* found = file(fd);
  const bool fits = found != nullptr && found->kind == File::Kind::stream;
  if (!fits) note_misuse(fmt::format("descriptor {} is no stream", fd));
  return fits ? static_cast<Stream*>(found) : nullptr;
}

Listener* Network::listener(int fd) noexcept {
  File* found = file(fd);
  const bool fits = found != nullptr && found->kind == File::Kind::listener;
  if (!fits) note_misuse(fmt::format("descriptor {} is no listener", fd));
  return fits ? static_cast<Listener*>(found) : nullptr;
}

void Network::close(int fd, bool as_ghost) {
  File* closed = file(fd);
  if (closed == nullptr) return;
  ++moved_;
  const auto index = static_cast<std::size_t>(fd - first_fd);
  descriptors_[index] = nullptr;
  lowest_free_ = std::min(lowest_free_, index);
  --open_count_;
  // Another process may have inherited it: then the file lives on, and what was registered for
  // it goes on telling, under a number that may be somebody else's by then.
  if (closed->kind == File::Kind::stream && !as_ghost && strikes(Fault::held_descriptor)) {
    return schedule(now_ + prng_.between(1'000, 3'000'000), Arrival::release, *closed);
  }
  release(*closed, as_ghost);
}

void Network::release(File& file, bool as_ghost) {
  --file.references;
  if (as_ghost && file.ghosts > 0) --file.ghosts;
  if (file.references == file.ghosts && !std::exchange(file.is_closed, true)) close_file(file);
}

void Network::close_file(File& file) {
  while (!file.observers.empty()) file.observers.pop_front().gone();
  if (file.kind == File::Kind::stream) close_stream(static_cast<Stream&>(file));
  if (file.kind == File::Kind::listener) close_listener(static_cast<Listener&>(file));
}

void Network::close_listener(Listener& listener) {
  listener.closed = true;
  while (!listener.waiting.empty()) {
    Stream& waiting = *listener.waiting.front();
    listener.waiting.pop_front();
    waiting.reset_on_close = true;
    close_stream(waiting);
  }
}

// --- connecting ------------------------------------------------------------------------------

int Network::listen(const Endpoint& endpoint, std::size_t backlog) {
  Listener& listener = *listeners_.emplace_back(std::make_unique<Listener>());
  listener.endpoint = endpoint;
  listener.backlog = backlog;
  return open(listener);
}

int Network::make_stream(const Endpoint& endpoint, unsigned owner) {
  const std::uint64_t number = links_.size();
  Link& link = *links_.emplace_back(std::make_unique<Link>());
  // Some connections are near, some far.
  const auto low = faults_.latency_min.count(), high = faults_.latency_max.count();
  const std::int64_t span = prng_.chance(0.5) ? (high - low) / 100 : high - low;
  const std::int64_t latency = low + (span > 0 ? prng_.between(0, span) : 0);
  for (unsigned side = 0; side < 2; ++side) {
    Stream& end = link.ends[side];
    end.name = number * 2 + side;
    end.peer = &link.ends[1 - side];
    end.out = &link.pipes[side];
    end.in = &link.pipes[1 - side];
    end.latency = latency;
    end.is_tcp = endpoint.family != Endpoint::Family::unix_socket;
    constexpr std::size_t capacities[] = {16, 700, 4096, 65'536, 400'000};
    link.pipes[side].capacity = capacities[prng_.below(40) == 0 ? 0 : 1 + prng_.below(4)];
  }
  link.ends[0].owner = owner;
  return open(link.ends[0]);
}

int Network::connect(Stream& stream, const Endpoint& endpoint) {
  stream.phase = Stream::State::connecting;
  stream.remote = stream.peer->local = endpoint;
  Endpoint here = stream.local;
  if (!stream.is_tcp) here.family = Endpoint::Family::unix_socket;  // Without a name: unix(7).
  if (here.family == Endpoint::Family::none) {
    here.family = Endpoint::Family::ipv4;
    here.address = {10, 0, 1, 1};
  }
  if (stream.is_tcp && here.port == 0) {
    here.port = static_cast<std::uint16_t>(10'000 + stream.name / 2 % 50'000);
  }
  stream.local = stream.peer->remote = here;
  trace_.add(now_, Entry::connecting, stream.name);
  if (strikes(Fault::connect_timeout)) {
    schedule(now_ + 130 * second, Arrival::refused, stream, ETIMEDOUT);
  } else if (strikes(Fault::refused)) {
    schedule(now_ + 2 * stream.latency, Arrival::refused, stream, ECONNREFUSED);
  } else {
    schedule(now_ + travel(stream), Arrival::syn, stream);
  }
  return -EINPROGRESS;
}

Listener* Network::listener_at(const Endpoint& endpoint) {
  std::vector<Listener*> found;
  for (const auto& each : listeners_) {
    if (!each->closed && each->endpoint == endpoint) found.push_back(each.get());
  }
  return found.empty() ? nullptr : found[prng_.below(found.size())];
}

void Network::syn_arrives(Stream& client) {
  if (client.orphan) return;
  if (listener_at(client.remote) == nullptr) {
    return schedule(now_ + client.latency, Arrival::refused, client, ECONNREFUSED);
  }
  Stream& server = *client.peer;
  server.phase = Stream::State::open;
  const std::int64_t answered = now_ + travel(server);
  schedule(answered, Arrival::connected, client);
  schedule(answered + client.latency, Arrival::established, server);
}

// The third segment of the handshake: now there is something to accept, and the client's first
// bytes may be there already.
void Network::ack_arrives(Stream& server, std::uint64_t attempt) {
  Listener* listener = listener_at(server.local);
  constexpr std::uint64_t attempts_max = 6;
  if (listener == nullptr || attempt > attempts_max) {
    server.reset_on_close = true;
    return close_stream(server);
  }
  if (listener->waiting.size() >= listener->backlog) {
    // Ignored; the client sends it again, later each time.
    return schedule(now_ + (second << attempt), Arrival::established, server, attempt + 1);
  }
  listener->waiting.push_back(&server);
  listener->notify(readable);
}

int Network::accept(Listener& listener, unsigned worker) {
  if (listener.waiting.empty()) return -EAGAIN;
  if (strikes(Fault::accept_error)) {
    constexpr int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR};
    const int error = errors[prng_.below(std::size(errors))];
    trace_.add(now_, Entry::accept_failed, worker, static_cast<std::uint64_t>(error));
    return -error;
  }
  Stream& accepted = *listener.waiting.front();
  listener.waiting.pop_front();
  accepted.owner = worker;
  if (accepted.is_tcp) accepted.blocking_bound = listener.blocking_bound;  // socket(7)
  trace_.add(now_, Entry::accepted, accepted.name, worker);
  return open(accepted);
}

// --- arriving --------------------------------------------------------------------------------

std::int64_t Network::travel(Stream& from) {
  std::int64_t time = from.latency;
  if (strikes(Fault::delay)) time += prng_.between(0, 4 * from.latency);
  // Short of the time that a session lingers, so that it breaks nothing by itself.
  if (strikes(Fault::stall)) time += prng_.between(1, 2'000) * 1'000'000;
  return time;
}

void Network::deliver() {
  const Event event = events_.top();
  events_.pop();
  if (event.what == Arrival::release) return release(*event.file, false);
  auto& stream = static_cast<Stream&>(*event.file);
  switch (event.what) {
    case Arrival::syn: return syn_arrives(stream);
    case Arrival::established: return ack_arrives(stream, event.count);
    case Arrival::bytes: return arrive(stream, event.count);
    case Arrival::reset:
      if (!stream.vanished) reset_arrives(stream, ECONNRESET);
      return;
    case Arrival::give_up:
      if (stream.broken || stream.orphan) return;
      trace_.add(now_, Entry::timed_out, stream.name);
      return reset_arrives(stream, ETIMEDOUT);
    case Arrival::room:
      stream.out->room_announced = false;
      if (stream.broken || !stream.out->full || stream.vanished) return;
      if (stream.out->room() < stream.out->capacity / 3 || stream.out->room() == 0) return;
      stream.out->full = false;
      return stream.notify(writable);
    case Arrival::fin:
      if (stream.vanished || stream.broken || stream.orphan) return;
      stream.fin_arrived = true;
      trace_.add(now_, Entry::fin_arrived, stream.name);
      return stream.notify(readable | peer_done | (stream.fin_sent ? hung_up : 0));
    case Arrival::connected:
      if (stream.orphan || stream.phase != Stream::State::connecting) return;
      stream.phase = Stream::State::open;
      trace_.add(now_, Entry::connected, stream.name);
      return stream.notify(writable);
    case Arrival::refused:
      if (stream.orphan) return;
      stream.phase = Stream::State::failed;
      stream.error = static_cast<int>(event.count);
      trace_.add(now_, Entry::connect_failed, stream.name, event.count);
      return stream.notify(writable | error | hung_up);
    case Arrival::release: break;
  }
  ASSERT(false);  // Handled above.
}

}  // namespace weir::simulated
