// fault_tap.h - fails, shortens or interrupts one system call, and counts all.
//
//     FaultTap tap;                        // before the server starts
//     tap.arm({CallKind::recv, ECONNRESET}, 2);
//     ...                                  // the second recv of any thread or process fails
//     if (tap.disarm()) ...                // it happened
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "os/tap.h"

namespace faults {

/// What is to happen to a call.
struct Fault {
  weir::os::CallKind kind;
  int error;               ///< 0: it is shortened instead
  std::size_t length = 0;  ///< to this
  /// The call is made, and says that it has failed: as a close does, which has closed all the same.
  bool is_made = false;
};

/// One at a time. In memory that worker processes and children share.
class FaultTap final : public weir::os::Tap {
 public:
  using Counts = std::array<std::uint64_t, weir::os::call_kinds>;

  FaultTap();
  ~FaultTap();
  FaultTap(const FaultTap&) = delete;
  FaultTap& operator=(const FaultTap&) = delete;

  /// From now on: the `nth` call of its kind. Requires: no other is armed.
  void arm(const Fault& fault, int nth) noexcept;
  /// Whether it happened.
  bool disarm() noexcept;

  /// How many calls were failed or shortened.
  std::uint64_t fired() const noexcept;
  /// Calls of each kind: all, and those since arm() and before disarm().
  Counts seen() const noexcept;
  Counts seen_armed() const noexcept;
  /// Of the calls of a kind since arm(), what the longest could move.
  Counts longest_armed() const noexcept;

  bool before(weir::os::Call& call) noexcept override;
  void after(weir::os::Call& call) noexcept override;

 private:
  struct Orders;
  /// What is to happen, and to which of the calls to come. One word, so that a call under way takes
  /// a whole order or none.
  struct Order {
    std::uint16_t calls_to_go;  ///< 0: it has happened, or nothing is to
    weir::os::CallKind kind;
    bool is_made;
    std::uint16_t error;
    std::uint16_t length;
  };
  void count(const weir::os::Call& call) noexcept;
  static bool meets(const Order& order, const weir::os::Call& call) noexcept;
  /// The order, if this call is the one that it is for.
  std::optional<Order> taken(const weir::os::Call& call, bool is_made) noexcept;

  Orders* orders_;
};

}  // namespace faults
