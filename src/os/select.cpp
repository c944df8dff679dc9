#include "os/select.h"

#include <sys/select.h>

#include <algorithm>

#include "base/assert.h"
#include "base/counters.h"
#include "os/direct.h"
#include "os/tap.h"

namespace weir::os {
namespace {

#ifdef SYS_select
int direct_select(int end, fd_set* read, fd_set* write, fd_set* /*none*/,
                  timeval* timeout) noexcept {
  return static_cast<int>(
      kernel_call(SYS_select, end, word_of(read), word_of(write), 0, word_of(timeout)));
}
constexpr auto* select_call = direct_calls ? direct_select : ::select;
#else  // Newer architectures have pselect6(2) only.
constexpr auto* select_call = ::select;
#endif

}  // namespace

int select_limit() noexcept { return FD_SETSIZE; }

bool in_select_set(const void* set, int fd) noexcept {
  return set != nullptr && FD_ISSET(fd, static_cast<const fd_set*>(set));
}

void SelectSets::want(Set& set, int fd, bool on) noexcept {
  static_assert(sizeof(Set) == sizeof(fd_set) && sizeof(Set) * 8 == FD_SETSIZE);
  static_assert(sizeof(fd_mask) == sizeof(Set::value_type) ||
                std::endian::native == std::endian::little);
  ASSERT(fd >= 0 && fd < FD_SETSIZE);
  const std::uint64_t bit = std::uint64_t{1} << (fd % bits);
  std::uint64_t& word = set[static_cast<std::size_t>(fd / bits)];
  word = on ? word | bit : word & ~bit;
}

// The set of those who wait to send is mostly empty, and then not handed to the kernel.
bool SelectSets::wait(int end, std::int64_t nanoseconds) noexcept {
  ++base::counters.calls_wait;
  const std::size_t count = words(end);
  std::uint64_t senders = 0;
  for (std::size_t i = 0; i < count; ++i) {
    read_[i] = want_read_[i];
    write_[i] = want_write_[i];
    senders |= want_write_[i];
  }
  timeval timeout{nanoseconds / 1'000'000'000, (nanoseconds % 1'000'000'000 + 999) / 1000};
  if (timeout.tv_usec == 1'000'000) timeout = {timeout.tv_sec + 1, 0};
  auto* const write = senders == 0 ? nullptr : reinterpret_cast<fd_set*>(write_.data());
  const int ready =
      system_call(CallKind::select, select_call, end, reinterpret_cast<fd_set*>(read_.data()),
                  write, nullptr, nanoseconds < 0 ? nullptr : &timeout);
  if (ready > 0) return true;
  // After an error the sets are unmodified, that is, they say that everybody is ready.
  std::fill_n(read_.begin(), count, 0);
  std::fill_n(write_.begin(), count, 0);
  return false;
}

}  // namespace weir::os
