#include "simulation/epoll.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/counters.h"

namespace weir::simulated {

using namespace kernel::event;

SimulatedEpoll::~SimulatedEpoll() {
  for (Watch& watch : watches_) watch.unlink();
}

std::uint32_t SimulatedEpoll::Watch::now() const noexcept {
  return file->state() & (mask | error | hung_up);
}

void SimulatedEpoll::Watch::changed(std::uint32_t what) {
  if ((what & (mask | error | hung_up)) != 0) set->queue(*this);
}

void SimulatedEpoll::Watch::gone() { set->forget(*this); }

SimulatedEpoll::Watch* SimulatedEpoll::find(int fd) noexcept {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= by_fd_.size() || by_fd_[index] == nullptr) return nullptr;
  Watch* watch = by_fd_[index];
  return watch->file == calls_.network().file(fd) ? watch : nullptr;
}

int SimulatedEpoll::add(int fd, std::uint32_t what, std::uint64_t data) noexcept {
  ++base::counters.calls_control;
  File* file = calls_.network().file(fd);
  if (file == nullptr) return -EBADF;
  if (find(fd) != nullptr) return -EEXIST;
  Watch& watch = watches_.emplace_back();
  watch.set = this;
  watch.file = file;
  watch.fd = fd;
  file->observers.push_back(watch);
  const auto index = static_cast<std::size_t>(fd);
  if (index >= by_fd_.size()) by_fd_.resize(index + 1);
  by_fd_[index] = &watch;
  set(watch, what, data);
  return 0;
}

int SimulatedEpoll::modify(int fd, std::uint32_t what, std::uint64_t data) noexcept {
  ++base::counters.calls_control;
  Watch* watch = find(fd);
  if (watch == nullptr) return -ENOENT;
  set(*watch, what, data);
  return 0;
}

void SimulatedEpoll::set(Watch& watch, std::uint32_t what, std::uint64_t data) {
  watch.mask = what & ~edge;
  watch.edge = (what & edge) != 0;
  watch.data = data;
  if (watch.now() != 0) queue(watch);
}

int SimulatedEpoll::remove(int fd) noexcept {
  ++base::counters.calls_control;
  Watch* watch = find(fd);
  if (watch == nullptr) return -ENOENT;
  watch->unlink();
  forget(*watch);
  return 0;
}

void SimulatedEpoll::queue(Watch& watch) {
  if (std::exchange(watch.queued, true)) return;
  ready_.push_back(&watch);
}

void SimulatedEpoll::forget(Watch& watch) {
  if (watch.queued) std::erase(ready_, &watch);
  auto& place = by_fd_[static_cast<std::size_t>(watch.fd)];
  if (place == &watch) place = nullptr;
  watches_.remove_if([&](const Watch& each) { return &each == &watch; });
}

bool SimulatedEpoll::ready() {
  while (!ready_.empty() && ready_.front()->now() == 0) {
    ready_.front()->queued = false;
    ready_.pop_front();
  }
  return !ready_.empty();
}

void SimulatedEpoll::shuffle() {
  for (std::size_t i = ready_.size(); i > 1; --i) {
    std::swap(ready_[i - 1], ready_[calls_.network().chance().below(i)]);
  }
}

// Says of one socket, at random, that it is ready.
std::size_t SimulatedEpoll::pretend(Event& event) {
  if (watches_.empty()) return 0;
  auto chosen = watches_.begin();
  std::advance(chosen, calls_.network().chance().below(watches_.size()));
  if (chosen->file->kind == File::Kind::event) return 0;
  if (chosen->file->kind == File::Kind::stream &&
      static_cast<const Stream*>(chosen->file)->phase != Stream::State::open) {
    return 0;  // How a connect ends is never told early.
  }
  const std::uint32_t what = chosen->mask & (readable | writable);
  if (what == 0 || !calls_.network().strikes(Fault::spurious)) return 0;
  event = {what, chosen->data};
  return 1;
}

std::size_t SimulatedEpoll::wait(std::int64_t nanoseconds, std::span<Event> events) noexcept {
  ++base::counters.calls_wait;
  if (calls_.interrupted()) return 0;
  if (ready_.size() > 1 && calls_.network().strikes(Fault::disorder)) shuffle();
  std::size_t count = 0;
  for (std::size_t left = ready_.size(); left > 0 && count < events.size(); --left) {
    Watch& watch = *ready_.front();
    ready_.pop_front();
    watch.queued = false;
    const std::uint32_t what = watch.now();
    if (what == 0) continue;
    events[count++] = {what, watch.data};
    if (!watch.edge) queue(watch);  // The level tells again.
  }
  if (count == 0) count = pretend(events[0]);
  if (count == 0) calls_.fall_asleep(this, nanoseconds);
  return count;
}

}  // namespace weir::simulated
