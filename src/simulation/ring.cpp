#include "simulation/ring.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/counters.h"

namespace weir::simulated {

using namespace kernel::event;

SimulatedRing::SimulatedRing(NodeCalls& calls, const Options& options)
    : calls_(calls),
      memory_(new std::byte[std::size_t{options.buffers} * options.buffer_size]),
      buffer_size_(options.buffer_size) {
  for (unsigned id = options.buffers; id > 0; --id) {
    free_buffers_.push_back(static_cast<std::uint16_t>(id - 1));
  }
}

SimulatedRing::Request& SimulatedRing::ask(Kind kind, int fd, std::uint64_t data,
                                           std::uint32_t wants) {
  Request& request = submitted_.emplace_back();
  request.ring = this;
  request.kind = kind;
  request.fd = fd;
  request.data = data;
  request.wants = wants;
  return request;
}

void SimulatedRing::accept_multishot(int listener, std::uint64_t data) noexcept {
  ask(Kind::accept, listener, data, readable);
}
void SimulatedRing::accept_once(int listener, std::uint64_t data) noexcept {
  ask(Kind::accept, listener, data, readable).once = true;
}
void SimulatedRing::receive_multishot(int fd, std::uint64_t data) noexcept {
  ask(Kind::receive, fd, data, readable);
}
void SimulatedRing::send(int fd, const void* bytes, std::size_t size,
                         std::uint64_t data) noexcept {
  ask(Kind::send, fd, data, kernel::event::writable).slices = {{bytes, size}};
}
void SimulatedRing::send(int fd, const kernel::Slice* slices, std::size_t count,
                         std::uint64_t data) noexcept {
  ask(Kind::send, fd, data, kernel::event::writable).slices.assign(slices, slices + count);
}
void SimulatedRing::send_at_once(int fd, const void* bytes, std::size_t size,
                                 std::uint64_t data) noexcept {
  Request& request = ask(Kind::send, fd, data, kernel::event::writable);
  request.slices = {{bytes, size}};
  request.at_once = true;
}
void SimulatedRing::poll_once(int fd, bool writable, std::uint64_t data) noexcept {
  ask(Kind::poll, fd, data, writable ? kernel::event::writable : readable);
}
void SimulatedRing::close(int fd, std::uint64_t data) noexcept { ask(Kind::close, fd, data, 0); }
void SimulatedRing::cancel(std::uint64_t target) noexcept { ask(Kind::cancel, -1, target, 0); }

// --- the kernel's side -----------------------------------------------------------------------

void SimulatedRing::submit_and_wait(unsigned wanted, std::int64_t nanoseconds) noexcept {
  ++base::counters.calls_wait;
  submit();
  for (Request& request : requests_) {
    if (can_go_on(request)) perform(request);
  }
  requests_.remove_if([](const Request& request) { return request.is_over; });
  if (completions_.size() > 1 && calls_.network().strikes(Fault::disorder)) disorder();
  wanted_ = wanted;
  if (completions_.size() < wanted && nanoseconds != 0 && !calls_.interrupted()) {
    calls_.fall_asleep(this, nanoseconds);
  }
}

void SimulatedRing::submit() {
  while (!submitted_.empty()) {
    requests_.splice(requests_.end(), submitted_, submitted_.begin());
    begin(requests_.back());
  }
}

void SimulatedRing::begin(Request& request) {
  if (request.kind == Kind::cancel) {
    request.is_over = true;
    return cancel_target(request.data);
  }
  request.file = calls_.network().file(request.fd);
  if (request.kind == Kind::close) {
    calls_.close(request.fd);
    return finish(request, 0);
  }
  if (request.file == nullptr) return finish(request, -EBADF);
  request.file->observers.push_back(request);
  if (!request.at_once) return;
  send(request);
  if (!request.is_over) finish(request, -EAGAIN);
}

bool SimulatedRing::can_go_on(const Request& request) const noexcept {
  if (request.is_over) return false;
  if (request.file == nullptr) return true;
  return (request.file->state() & (request.wants | error | hung_up)) != 0;
}

bool SimulatedRing::ready() {
  const auto count =
      std::ranges::count_if(requests_, [this](const auto& each) { return can_go_on(each); });
  return completions_.size() + static_cast<std::size_t>(count) >= wanted_;
}

void SimulatedRing::perform(Request& request) {
  // Requests hold on to their file; one that went under them cannot happen in a real kernel.
  if (request.file == nullptr) return finish(request, -EBADF);
  switch (request.kind) {
    case Kind::accept: return accept(request);
    case Kind::receive: return receive(request);
    case Kind::send: return send(request);
    case Kind::poll: return finish(request, static_cast<std::int32_t>(request.file->state()));
    case Kind::close:
    case Kind::cancel: return;
  }
}

void SimulatedRing::accept(Request& request) {
  auto& listener = static_cast<Listener&>(*request.file);
  for (;;) {
    const int fd = calls_.network().accept(listener, calls_.name());
    if (fd == -EAGAIN) return;
    if (fd < 0 || request.once) return finish(request, fd);
    completions_.push_back({request.data, fd, true, false, 0});
  }
}

void SimulatedRing::receive(Request& request) {
  auto& stream = static_cast<Stream&>(*request.file);
  for (;;) {
    if (stream.in->unread() > 0 &&
        (free_buffers_.empty() || calls_.network().strikes(Fault::buffers_out))) {
      return finish(request, -ENOBUFS);
    }
    const std::uint16_t id = free_buffers_.empty() ? std::uint16_t{0} : free_buffers_.back();
    const std::int64_t got = calls_.network().receive(stream, buffer(id), buffer_size_);
    if (got == -EAGAIN) return;
    // Of a ring, ENOBUFS says that the provided buffers are out, and nothing of the connection.
    if (got == -ENOBUFS) return finish(request, -ENOMEM);
    if (got <= 0) return finish(request, static_cast<std::int32_t>(got));
    free_buffers_.pop_back();
    completions_.push_back({request.data, static_cast<std::int32_t>(got), true, true, id});
  }
}

// Waits while nothing is taken; a part is an end.
void SimulatedRing::send(Request& request) {
  auto& stream = static_cast<Stream&>(*request.file);
  std::size_t done = 0;
  std::int64_t sent = 0;
  for (const kernel::Slice& slice : request.slices) {
    sent = calls_.network().send(stream, {static_cast<const char*>(slice.data), slice.size});
    if (sent > 0) done += static_cast<std::size_t>(sent);
    if (sent != static_cast<std::int64_t>(slice.size)) break;
  }
  if (done == 0 && sent == -EAGAIN) return;
  if (request.at_once && done == request.size()) request.data = 0;
  finish(request, static_cast<std::int32_t>(done == 0 ? sent : static_cast<std::int64_t>(done)));
}

void SimulatedRing::cancel_target(std::uint64_t target) {
  for (Request& request : requests_) {
    if (request.is_over || request.data != target || request.kind == Kind::close) continue;
    finish(request, -ECANCELED);
  }
}

void SimulatedRing::finish(Request& request, std::int32_t result) {
  request.is_over = true;
  request.unlink();
  if (request.data != 0) completions_.push_back({request.data, result, false, false, 0});
}

// Those of one request keep their order; everything else may come in any.
void SimulatedRing::disorder() {
  for (std::size_t i = completions_.size(); i > 1; --i) {
    Completion& one = completions_[i - 1];
    Completion& other = completions_[i - 2];
    if (one.data != other.data && calls_.network().chance().chance(0.5)) std::swap(one, other);
  }
}

// --- the worker's side -----------------------------------------------------------------------

std::size_t SimulatedRing::reap(std::span<Completion> completions) noexcept {
  if (withholds()) return 0;
  const std::size_t count = std::min(completions.size(), completions_.size());
  std::copy_n(completions_.begin(), count, completions.begin());
  completions_.erase(completions_.begin(),
                     completions_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

void SimulatedRing::stop() noexcept {
  if (std::exchange(stopped_, true)) return;
  for (Request& request : requests_) request.unlink();
  requests_.clear();
  for (const Request& request : submitted_) {
    if (request.kind == Kind::close) calls_.network().close(request.fd);
  }
  submitted_.clear();
}

std::byte* SimulatedRing::buffer(std::uint16_t id) noexcept {
  return memory_.get() + std::size_t{id} * buffer_size_;
}

void SimulatedRing::give_back(std::uint16_t id) noexcept {
  if (!stopped_) free_buffers_.push_back(id);
}

}  // namespace weir::simulated
