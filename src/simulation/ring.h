// ring.h - an io_uring over the simulated network: completions late, in batches, out of order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernel/ring.h"
#include "simulation/node.h"

namespace weir::simulated {

class SimulatedRing final : public kernel::Ring, private Sleeper {
 public:
  SimulatedRing(NodeCalls& calls, const Options& options);
  ~SimulatedRing() override { stop(); }

  void accept_multishot(int listener, std::uint64_t data) noexcept override;
  void accept_once(int listener, std::uint64_t data) noexcept override;
  void receive_multishot(int fd, std::uint64_t data) noexcept override;
  void send(int fd, const void* bytes, std::size_t size, std::uint64_t data) noexcept override;
  void send(int fd, const kernel::Slice* slices, std::size_t count,
            std::uint64_t data) noexcept override;
  void send_at_once(int fd, const void* bytes, std::size_t size,
                    std::uint64_t data) noexcept override;
  void poll_once(int fd, bool writable, std::uint64_t data) noexcept override;
  void close(int fd, std::uint64_t data) noexcept override;
  void cancel(std::uint64_t target) noexcept override;
  void submit_and_wait(unsigned wanted, std::int64_t nanoseconds) noexcept override;
  std::size_t reap(std::span<Completion> completions) noexcept override;
  bool overflowed() noexcept override { return false; }
  bool handed_over() noexcept override { return submitted_.empty() && !withholds(); }
  bool has_work() noexcept override { return ready(); }
  void stop() noexcept override;
  std::byte* buffer(std::uint16_t id) noexcept override;
  void give_back(std::uint16_t id) noexcept override;

 private:
  enum class Kind : std::uint8_t { accept, receive, send, poll, close, cancel };
  struct Request final : Observer {
    void changed(std::uint32_t /*what*/) override {}  // It is asked when the ring is entered.
    void gone() override { file = nullptr; }

    std::size_t size() const noexcept {
      std::size_t size = 0;
      for (const kernel::Slice& slice : slices) size += slice.size;
      return size;
    }

    SimulatedRing* ring = nullptr;
    Kind kind = Kind::poll;
    File* file = nullptr;
    int fd = -1;
    std::uint64_t data = 0;
    std::uint32_t wants = 0;
    std::vector<kernel::Slice> slices;  // Read when it is performed: they must stay till then.
    bool at_once = false;               // Never waits, and says nothing when all was taken.
    bool once = false;                  // Accepts one.
    bool is_over = false;
  };

  bool ready() override;
  /// The enter that waits for more than there is has not returned.
  bool withholds() const noexcept { return calls_.still_waits() && !completions_.empty(); }
  Request& ask(Kind kind, int fd, std::uint64_t data, std::uint32_t wants);
  void submit();
  void begin(Request& request);
  bool can_go_on(const Request& request) const noexcept;
  void perform(Request& request);
  void accept(Request& request);
  void receive(Request& request);
  void send(Request& request);
  void cancel_target(std::uint64_t target);
  void finish(Request& request, std::int32_t result);
  void disorder();

  NodeCalls& calls_;
  std::list<Request> submitted_;  // Asked for, not handed over yet.
  std::list<Request> requests_;   // In the kernel.
  std::deque<Completion> completions_;
  unsigned wanted_ = 1;  // By who waits.
  std::unique_ptr<std::byte[]> memory_;
  std::uint32_t buffer_size_;
  std::vector<std::uint16_t> free_buffers_;
  bool stopped_ = false;
};

}  // namespace weir::simulated
