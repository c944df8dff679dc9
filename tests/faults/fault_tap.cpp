#include "tests/faults/fault_tap.h"

#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <new>

namespace faults {

using weir::os::Call;
using weir::os::CallKind;

namespace {

using Cells = std::array<std::atomic<std::uint64_t>, weir::os::call_kinds>;

FaultTap::Counts loaded(const Cells& cells) noexcept {
  FaultTap::Counts counts{};
  for (std::size_t kind = 0; kind < counts.size(); ++kind) counts[kind] = cells[kind];
  return counts;
}

}  // namespace

struct FaultTap::Orders {
  static_assert(std::atomic<Order>::is_always_lock_free && sizeof(Order) == 8);
  std::atomic<Order> order;
  std::atomic<bool> armed;
  std::atomic<std::uint64_t> fired;
  Cells seen, seen_armed, longest_armed;
};

FaultTap::FaultTap() {
  void* memory =
      mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  orders_ = new (memory) Orders{};
  weir::os::install(this);
}

FaultTap::~FaultTap() {
  weir::os::install(nullptr);
  munmap(orders_, sizeof(Orders));
}

void FaultTap::arm(const Fault& fault, int nth) noexcept {
  constexpr int most = std::numeric_limits<std::uint16_t>::max();
  orders_->armed = true;
  orders_->order =
      Order{static_cast<std::uint16_t>(std::min(nth, most)), fault.kind, fault.is_made,
            static_cast<std::uint16_t>(fault.error), static_cast<std::uint16_t>(fault.length)};
}

bool FaultTap::disarm() noexcept {
  orders_->armed = false;
  return orders_->order.exchange(Order{}).calls_to_go == 0;
}

std::uint64_t FaultTap::fired() const noexcept { return orders_->fired; }

FaultTap::Counts FaultTap::seen() const noexcept { return loaded(orders_->seen); }
FaultTap::Counts FaultTap::seen_armed() const noexcept { return loaded(orders_->seen_armed); }
FaultTap::Counts FaultTap::longest_armed() const noexcept {
  return loaded(orders_->longest_armed);
}

void FaultTap::count(const Call& call) noexcept {
  const auto kind = static_cast<std::size_t>(call.kind);
  orders_->seen[kind].fetch_add(1, std::memory_order_relaxed);
  if (!orders_->armed) return;
  orders_->seen_armed[kind].fetch_add(1, std::memory_order_relaxed);
  std::atomic<std::uint64_t>& longest = orders_->longest_armed[kind];
  if (call.length() > longest) longest = call.length();  // Near enough if two are as long.
}

bool FaultTap::before(Call& call) noexcept {
  count(call);
  const std::optional<Order> order = taken(call, false);
  if (!order) return false;
  if (order->error != 0) {
    call.result = -order->error;
    return true;
  }
  call.shorten(order->length);
  return false;
}

void FaultTap::after(Call& call) noexcept {
  if (call.kind == CallKind::completion) count(call);  // Not told of before.
  if (const std::optional<Order> order = taken(call, true)) call.result = -order->error;
}

bool FaultTap::meets(const Order& order, const Call& call) noexcept {
  if (order.calls_to_go == 0 || call.kind != order.kind) return false;
  // A request to close always closes, whatever it says afterwards; one to cancel fails only where
  // there is nothing to cancel (io_uring_prep_cancel(3)).
  constexpr std::uint64_t close_request = 19, cancel_request = 14;  // IORING_OP_*
  const bool is_sure = call.arguments[1] == close_request || call.arguments[1] == cancel_request;
  if (call.kind == CallKind::request && is_sure) return false;
  return order.error != 0 || call.length() > order.length;  // Else it is short enough.
}

std::optional<FaultTap::Order> FaultTap::taken(const Call& call, bool is_made) noexcept {
  Order order = orders_->order;
  Order next;
  do {
    if (order.is_made != is_made || !meets(order, call)) return std::nullopt;
    next = order;
    --next.calls_to_go;
  } while (!orders_->order.compare_exchange_weak(order, next));
  if (next.calls_to_go != 0) return std::nullopt;
  ++orders_->fired;
  return order;
}

}  // namespace faults
