// epoll.h - an epoll(7) object over the simulated network, edge by edge.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "kernel/epoll.h"
#include "simulation/node.h"

namespace weir::simulated {

/// Registrations belong to the open file, not to the descriptor: one whose descriptor was closed
/// while a duplicate lives on goes on telling, as the man page warns.
class SimulatedEpoll final : public kernel::Epoll, private Sleeper {
 public:
  explicit SimulatedEpoll(NodeCalls& calls) noexcept : calls_(calls) {}
  ~SimulatedEpoll() override;

  int add(int fd, std::uint32_t what, std::uint64_t data) noexcept override;
  int modify(int fd, std::uint32_t what, std::uint64_t data) noexcept override;
  int remove(int fd) noexcept override;
  std::size_t wait(std::int64_t nanoseconds, std::span<Event> events) noexcept override;

 private:
  struct Watch final : Observer {
    void changed(std::uint32_t what) override;
    void gone() override;
    std::uint32_t now() const noexcept;

    SimulatedEpoll* set = nullptr;
    File* file = nullptr;
    int fd = -1;
    std::uint32_t mask = 0;
    std::uint64_t data = 0;
    bool edge = false;
    bool queued = false;
  };

  bool ready() override;
  Watch* find(int fd) noexcept;
  void set(Watch& watch, std::uint32_t what, std::uint64_t data);
  void queue(Watch& watch);
  void forget(Watch& watch);
  void shuffle();
  std::size_t pretend(Event& event);

  NodeCalls& calls_;
  std::list<Watch> watches_;
  std::vector<Watch*> by_fd_;
  std::deque<Watch*> ready_;
};

}  // namespace weir::simulated
