#include "tests/faults/fault_tap.h"

#include <sys/mman.h>

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
  std::atomic<bool> armed;
  std::atomic<int> calls_to_go;
  std::atomic<std::uint64_t> fired;
  // Read by a call that is under way while the next order is written.
  std::atomic<CallKind> kind;
  std::atomic<int> error;
  std::atomic<std::size_t> length;
  std::atomic<bool> is_made;
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
  orders_->kind = fault.kind;
  orders_->error = fault.error;
  orders_->length = fault.length;
  orders_->is_made = fault.is_made;
  orders_->calls_to_go = nth;
  orders_->armed = true;
}

bool FaultTap::disarm() noexcept {
  orders_->armed = false;
  return orders_->calls_to_go <= 0;
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
  if (orders_->is_made || !is_its_turn(call)) return false;
  if (const int error = orders_->error; error != 0) {
    call.result = -error;
    return true;
  }
  call.shorten(orders_->length);
  return false;
}

void FaultTap::after(Call& call) noexcept {
  if (call.kind == CallKind::completion) count(call);  // Not told of before.
  if (orders_->is_made && is_its_turn(call)) call.result = -orders_->error;
}

bool FaultTap::is_its_turn(const Call& call) noexcept {
  if (!orders_->armed || call.kind != orders_->kind) return false;
  // A request to close always closes, whatever it says afterwards; one to cancel fails only where
  // there is nothing to cancel (io_uring_prep_cancel(3)).
  constexpr std::uint64_t close_request = 19, cancel_request = 14;  // IORING_OP_*
  const bool is_sure = call.arguments[1] == close_request || call.arguments[1] == cancel_request;
  if (call.kind == CallKind::request && is_sure) return false;
  if (orders_->error == 0 && call.length() <= orders_->length) return false;  // Short enough.
  if (orders_->calls_to_go.fetch_sub(1) != 1) return false;
  ++orders_->fired;
  return true;
}

}  // namespace faults
