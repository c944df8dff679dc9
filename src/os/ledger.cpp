#include "os/ledger.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <new>
#include <system_error>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

struct Ledger::Head {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::int64_t> drain{-1};
  std::atomic<std::uint64_t> stalls{0};
  std::atomic<bool> restart{false};
};

// Two copies, of which one is good: whoever reads sees numbers of one moment, and a worker that is
// killed while it writes leaves the good one as it was.
struct alignas(64) Ledger::Row {
  using Cells = std::array<std::atomic<std::uint64_t>, std::tuple_size_v<base::CounterRow>>;
  std::array<Cells, 2> copies{};
  std::atomic<std::uint64_t> written{0};  ///< times; the good copy is this modulo 2
  std::atomic<std::uint64_t> answered{0};

  void set(const Statistics& counted) noexcept {
    const auto numbers = std::bit_cast<base::CounterRow>(counted);
    const std::uint64_t next = written.load(std::memory_order_relaxed) + 1;
    Cells& cells = copies[next % 2];
    // A reader that sees one of these sees the last `written` too, and reads again.
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      cells[i].store(numbers[i], std::memory_order_release);
    }
    written.store(next, std::memory_order_release);
  }
  Statistics get() const noexcept {
    base::CounterRow numbers;
    for (;;) {
      const std::uint64_t good = written.load(std::memory_order_acquire);
      const Cells& cells = copies[good % 2];
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = cells[i].load(std::memory_order_acquire);
      }
      if (written.load(std::memory_order_relaxed) == good) break;
    }
    return std::bit_cast<Statistics>(numbers);
  }
};

// The head takes a row's room, so that every row is aligned; the last row is of those gone.
Ledger::Ledger(std::size_t workers)
    : workers_(workers),
      size_((workers + 2) * sizeof(Row)),
      memory_(system_call(CallKind::mmap, ::mmap, nullptr, size_, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
  ++base::counters.calls_other;
  if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  static_assert(sizeof(Head) <= sizeof(Row));
  new (memory_) Head;
  for (std::size_t i = 0; i <= workers; ++i) new (&row(i)) Row;
}

Ledger::~Ledger() { system_call(CallKind::munmap, ::munmap, memory_, size_); }

Ledger::Head& Ledger::head() const noexcept { return *static_cast<Head*>(memory_); }
Ledger::Row& Ledger::row(std::size_t index) const noexcept {
  return static_cast<Row*>(memory_)[index + 1];
}

std::uint64_t Ledger::call() noexcept { return head().calls.fetch_add(1) + 1; }

bool Ledger::is_called(std::size_t worker) const noexcept {
  return row(worker).answered.load(std::memory_order_relaxed) != head().calls.load();
}

bool Ledger::answer(std::size_t worker, const Statistics& counted) noexcept {
  Row& mine = row(worker);
  const std::uint64_t call = head().calls.load();
  mine.set(counted);
  return mine.answered.exchange(call) != call;
}

bool Ledger::answered(std::size_t worker, std::uint64_t call) const noexcept {
  return row(worker).answered.load() >= call;
}

std::uint64_t Ledger::retire(std::size_t worker, std::uint64_t open) noexcept {
  Statistics gone = row(worker).get();
  const std::uint64_t lost = std::max(gone.open(), open);
  gone.lost += lost;
  gone.closed += lost;
  gone.accepted = gone.closed;
  base::drop_levels(gone);
  Statistics all = row(workers_).get();
  base::add(all, gone);
  row(worker).set(Statistics{});
  row(workers_).set(all);
  return lost;
}

Statistics Ledger::sum() const noexcept {
  Statistics result;
  for (std::size_t i = 0; i <= workers_; ++i) base::add(result, row(i).get());
  result.stalls += head().stalls.load(std::memory_order_relaxed);
  return result;
}

void Ledger::count_stall() noexcept { head().stalls.fetch_add(1, std::memory_order_relaxed); }

void Ledger::ask_to_stop(std::int64_t drain) noexcept {
  std::int64_t current = head().drain.load();
  while ((current < 0 || drain < current) &&
         !head().drain.compare_exchange_weak(current, drain)) {}
}

std::int64_t Ledger::stop_drain() const noexcept { return head().drain.load(); }

void Ledger::ask_to_restart() noexcept { head().restart = true; }
bool Ledger::asked_to_restart() const noexcept { return head().restart; }
bool Ledger::take_restart() noexcept { return head().restart.exchange(false); }

}  // namespace weir::os
