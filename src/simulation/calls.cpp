// calls.cpp - the system calls of a node.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "simulation/epoll.h"
#include "simulation/node.h"
#include "simulation/ring.h"

namespace weir::simulated {
namespace {

std::string_view view(const void* data, std::size_t size) noexcept {
  return {static_cast<const char*>(data), size};
}

std::int16_t happened(Network& network, const kernel::PollEntry& entry) noexcept {
  using namespace kernel::event;
  const File* file = entry.fd < 0 ? nullptr : network.file(entry.fd);
  if (file == nullptr) return 0;
  // poll(2) and epoll(7) have the same bits for these.
  const std::uint32_t always = error | hung_up;
  return static_cast<std::int16_t>(file->state() &
                                   (static_cast<std::uint16_t>(entry.wanted) | always));
}

}  // namespace

void NodeCalls::fall_asleep(Sleeper* sleeper, std::int64_t nanoseconds) noexcept {
  if (std::exchange(timed_out_, false) || nanoseconds == 0) return;
  sleeper_ = sleeper;
  asleep_ = true;
  wakes_at_ = nanoseconds < 0 ? -1 : network_.now() + nanoseconds;
}

bool NodeCalls::Polled::ready() {
  return std::ranges::any_of(
      entries, [this](const auto& entry) { return happened(network_, entry) != 0; });
}

std::size_t NodeCalls::poll(kernel::PollEntry* entries, std::size_t count,
                            std::int64_t nanoseconds) noexcept {
  wake_check();
  std::size_t ready = 0;
  const bool early = interrupted();
  for (std::size_t i = 0; i < count; ++i) {
    entries[i].happened = early ? std::int16_t{0} : happened(network_, entries[i]);
    const File* file = early ? nullptr : network_.file(entries[i].fd);
    if (entries[i].happened == 0 && file != nullptr && file->kind != File::Kind::event &&
        file->state() != 0 && network_.strikes(Fault::spurious)) {
      entries[i].happened = entries[i].wanted;
    }
    ready += entries[i].happened != 0;
  }
  if (ready > 0 || early) return ready;
  polled_.entries.assign(entries, entries + count);
  fall_asleep(&polled_, nanoseconds);
  return 0;
}

void NodeCalls::rest(std::int64_t nanoseconds) noexcept {
  wake_check();
  fall_asleep(nullptr, nanoseconds);
}

std::int64_t NodeCalls::receive(int fd, void* data, std::size_t size) noexcept {
  wake_check();
  if (interrupted()) return -EINTR;
  Stream* stream = network_.stream(fd);
  return stream == nullptr ? -EBADF : network_.receive(*stream, data, size);
}

std::int64_t NodeCalls::send(int fd, const void* data, std::size_t size) noexcept {
  wake_check();
  if (interrupted()) return -EINTR;
  Stream* stream = network_.stream(fd);
  return stream == nullptr ? -EBADF : network_.send(*stream, view(data, size));
}

std::int64_t NodeCalls::send(int fd, const kernel::Slice* slices, std::size_t count) noexcept {
  std::string gathered;
  for (std::size_t i = 0; i < count; ++i) gathered += view(slices[i].data, slices[i].size);
  return send(fd, gathered.data(), gathered.size());
}

// What would block comes back as after a receive timeout, and the node sleeps on it.
void NodeCalls::sleep_on(int fd, std::int16_t wanted) noexcept {
  const File* file = network_.file(fd);
  const std::int64_t bound = file == nullptr ? 0 : file->blocking_bound;
  polled_.entries.assign(1, {fd, wanted, 0});
  fall_asleep(&polled_, bound > 0 ? bound : -1);
  in_call_ = true;
}

void NodeCalls::set_blocking_bound(int fd, std::int64_t nanoseconds) noexcept {
  if (File* file = network_.file(fd)) file->blocking_bound = nanoseconds;
}

bool NodeCalls::has_blocking_bound(int fd) noexcept {
  const File* file = network_.file(fd);
  return file != nullptr && file->blocking_bound > 0;
}

std::int64_t NodeCalls::receive_blocking(int fd, void* data, std::size_t size) noexcept {
  wake_check();
  if (interrupted()) return -EINTR;
  const std::int64_t got = receive(fd, data, size);
  if (got == -EAGAIN) sleep_on(fd, kernel::poll_readable);
  return got;
}

std::int64_t NodeCalls::send_blocking(int fd, const void* data, std::size_t size) noexcept {
  wake_check();
  if (interrupted()) return -EINTR;
  const std::int64_t sent = send(fd, data, size);
  if (sent == -EAGAIN) sleep_on(fd, kernel::poll_writable);
  return sent;
}

int NodeCalls::accept(int listener, kernel::Mode mode) noexcept {
  wake_check();
  Listener* found = network_.listener(listener);
  if (found == nullptr) return -EBADF;
  const int fd = network_.accept(*found, name_);
  if (fd == -EAGAIN && mode == kernel::Mode::blocking) sleep_on(listener, kernel::poll_readable);
  return fd;
}

int NodeCalls::socket_for(const Endpoint& endpoint, kernel::Mode /*mode*/) noexcept {
  wake_check();
  return network_.make_stream(endpoint, name_);
}

int NodeCalls::bind_source(int fd, const Endpoint& from) noexcept {
  wake_check();
  Stream* stream = network_.stream(fd);
  if (stream == nullptr) return -EBADF;
  if (!stream->is_tcp) return -EINVAL;  // bind(2), of an address of another family.
  stream->local = from;
  return 0;
}

int NodeCalls::connect(int fd, const Endpoint& endpoint) noexcept {
  wake_check();
  Stream* stream = network_.stream(fd);
  return stream == nullptr ? -EBADF : network_.connect(*stream, endpoint);
}

int NodeCalls::connect_result(int fd) noexcept {
  wake_check();
  Stream* stream = network_.stream(fd);
  if (stream == nullptr) return -EBADF;
  // SO_ERROR says nothing of a connect that is under way: none looks like success.
  if (stream->phase == Stream::State::connecting)
    network_.note_misuse("a connect that is under way was asked how it had ended");
  return -std::exchange(stream->error, 0);
}

void NodeCalls::close(int fd) noexcept {
  wake_check();
  network_.close(fd, is_ghost_);
}

int NodeCalls::duplicate(int fd) noexcept { return network_.duplicate(fd); }

void NodeCalls::finish_sending(int fd) noexcept {
  wake_check();
  if (Stream* stream = network_.stream(fd)) network_.finish_sending(*stream);
}

void NodeCalls::reset_on_close(int fd) noexcept {
  wake_check();
  if (Stream* stream = network_.stream(fd)) stream->reset_on_close = true;
}

std::size_t NodeCalls::unread(int fd) noexcept {
  const Stream* stream = network_.stream(fd);
  return stream == nullptr || stream->in == nullptr ? 0 : stream->in->unread();
}

std::size_t NodeCalls::undelivered(int fd) noexcept {
  const Stream* stream = network_.stream(fd);
  return stream == nullptr || stream->out == nullptr ? 0 : stream->out->undelivered();
}

Endpoint NodeCalls::local(int fd) {
  const File* found = network_.file(fd);
  if (found == nullptr) return {};
  if (found->kind == File::Kind::listener) return static_cast<const Listener*>(found)->endpoint;
  return static_cast<const Stream*>(found)->local;
}

Endpoint NodeCalls::peer(int fd) {
  const Stream* stream = network_.stream(fd);
  return stream == nullptr || stream->broken ? Endpoint{} : stream->remote;
}

// Some nodes have no descriptor left for one.
std::unique_ptr<kernel::Timer> NodeCalls::make_timer() noexcept {
  if (name_ % 4 == 3) return nullptr;
  try {
    return std::make_unique<NodeTimer>(*this);
  } catch (const std::bad_alloc&) { return nullptr; }
}

std::unique_ptr<kernel::Epoll> NodeCalls::make_epoll() {
  return std::make_unique<SimulatedEpoll>(*this);
}

std::unique_ptr<kernel::Ring> NodeCalls::make_ring(const kernel::Ring::Options& options) {
  return std::make_unique<SimulatedRing>(*this, options);
}

}  // namespace weir::simulated
