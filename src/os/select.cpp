#include "os/select.h"

#include <sys/select.h>

#include "base/assert.h"
#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {

struct SelectSets::State {
  fd_set want_read, want_write;  // What we ask for, kept from call to call.
  fd_set read, write;            // Copies that select(2) overwrites with its answer.
};

int select_limit() noexcept { return FD_SETSIZE; }

bool in_select_set(const void* set, int fd) noexcept {
  return set != nullptr && FD_ISSET(fd, static_cast<const fd_set*>(set));
}

SelectSets::SelectSets() : state_(std::make_unique<State>()) {
  FD_ZERO(&state_->want_read);
  FD_ZERO(&state_->want_write);
  FD_ZERO(&state_->read);
  FD_ZERO(&state_->write);
}
SelectSets::~SelectSets() = default;

void SelectSets::want_readable(int fd, bool on) noexcept {
  ASSERT(fd >= 0 && fd < FD_SETSIZE);
  on ? FD_SET(fd, &state_->want_read) : FD_CLR(fd, &state_->want_read);
}

void SelectSets::want_writable(int fd, bool on) noexcept {
  ASSERT(fd >= 0 && fd < FD_SETSIZE);
  on ? FD_SET(fd, &state_->want_write) : FD_CLR(fd, &state_->want_write);
}

int SelectSets::wait(int end, std::int64_t nanoseconds) noexcept {
  ++base::counters.calls_wait;
  state_->read = state_->want_read;
  state_->write = state_->want_write;
  timeval timeout{nanoseconds / 1'000'000'000, (nanoseconds % 1'000'000'000 + 999) / 1000};
  if (timeout.tv_usec == 1'000'000) timeout = {timeout.tv_sec + 1, 0};
  const int ready = system_call(CallKind::select, ::select, end, &state_->read, &state_->write,
                                nullptr, nanoseconds < 0 ? nullptr : &timeout);
  if (ready > 0) return ready;
  // After an error the sets are unmodified, that is, they say that everybody is ready.
  FD_ZERO(&state_->read);
  FD_ZERO(&state_->write);
  return 0;
}

bool SelectSets::readable(int fd) const noexcept { return FD_ISSET(fd, &state_->read); }
bool SelectSets::writable(int fd) const noexcept { return FD_ISSET(fd, &state_->write); }

}  // namespace weir::os
