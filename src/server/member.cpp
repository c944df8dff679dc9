#include "server/member.h"

#include <fmt/format.h>

#include <exception>
#include <new>

#include "base/counters.h"
#include "os/cpus.h"
#include "os/fd.h"

namespace weir::detail {

void Member::run() noexcept {
  base::counters = Statistics{};
  try {
    const os::Pinned pinned(cpu);
    model->run(plan);
  } catch (const std::bad_alloc&) {
    failed_to_run("out of memory");
  } catch (const std::exception& error) { failed_to_run(error.what()); }
  // The first answer says that it runs: one that could not start gives none.
  if (failure.empty() || ledger->answered(plan.index, 1)) {
    ledger->answer(plan.index, base::counters);
  }
  ended.store(true);
  bell->ring();
}

void Member::failed_to_run(const char* why) noexcept {
  try {
    failure = why;
  } catch (const std::bad_alloc&) { failure = "out of memory"; }  // Short enough to need none.
  for (const int listener : plan.listeners) os::close_fd(listener);
}

std::string described(const os::Ending& ending) {
  if (!ending.known) return "has ended, and others reaped it (SIGCHLD)";
  if (ending.signal != 0) return fmt::format("was ended by signal {}", ending.signal);
  return fmt::format("ended with exit code {}", ending.code);
}

}  // namespace weir::detail
