#include "server/member.h"

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

}  // namespace weir::detail
