// counters.h - what this thread counted: system calls where they are made, and the rest.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <weir/statistics.h>

namespace weir::base {

// One block a thread, so that counting is one instruction and no two threads share a line. A
// worker adds its block to the server's sums when it ends.
inline constinit thread_local Statistics counters{};

/// The counters as a row of numbers, for adding up.
using CounterRow = std::array<std::uint64_t, sizeof(Statistics) / sizeof(std::uint64_t)>;
static_assert(sizeof(CounterRow) == sizeof(Statistics));

// All sums but the peak of a single outbox, which is the greatest of the parts' peaks. The other
// peaks are of all workers together, so no worker counts them.
inline void add(Statistics& sum, const Statistics& part) noexcept {
  const std::uint64_t outbox_peak = std::max(sum.outbox_bytes_peak, part.outbox_bytes_peak);
  auto row = std::bit_cast<CounterRow>(sum);
  const auto more = std::bit_cast<CounterRow>(part);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] += more[i];
  sum = std::bit_cast<Statistics>(row);
  sum.outbox_bytes_peak = outbox_peak;
}

/// Of what is gone only the sums stay: it holds nothing any more.
inline void drop_levels(Statistics& gone) noexcept {
  gone.buffers = gone.buffer_bytes = gone.outbox_bytes = 0;
}

}  // namespace weir::base
