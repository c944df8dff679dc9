#include "server/member.h"

#include <fmt/format.h>

#include <exception>

#include "base/counters.h"
#include "os/fd.h"

namespace weir::detail {

void Member::run() noexcept {
  base::counters = Statistics{};
  try {
    model->run(plan);
  } catch (const std::exception& error) {
    failure = error.what();
    for (const int listener : plan.listeners) os::close_fd(listener);
  }
  ledger->answer(plan.index, base::counters);
  ended.store(true);
  bell->ring();
}

std::string described(const os::Ending& ending) {
  if (ending.signal != 0) return fmt::format("was ended by signal {}", ending.signal);
  return fmt::format("ended with exit code {}", ending.code);
}

}  // namespace weir::detail
