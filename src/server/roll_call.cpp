#include "server/roll_call.h"

#include <algorithm>
#include <string>

namespace weir::detail {
namespace {

// A blocking call looks up after 250 ms at the latest.
constexpr std::int64_t patience = 600'000'000;

}  // namespace

void RollCall::begin(std::int64_t now) noexcept {
  open_ = true;
  number_ = server_.ledger->call();
  deadline_ = now + patience;
  for (Member& member : server_.members) {
    member.process.running() ? member.process.wake() : member.control.waker.wake();
  }
}

bool RollCall::is_silent(const Member& member) const noexcept {
  const bool runs = server_.processes() ? member.process.running() : !member.ended;
  return runs && !server_.ledger->answered(member.plan.index, number_);
}

bool RollCall::complete() const noexcept {
  return std::ranges::none_of(server_.members,
                              [this](const Member& member) { return is_silent(member); });
}

std::string RollCall::silent() const {
  std::string names;
  for (const Member& member : server_.members) {
    if (!is_silent(member)) continue;
    if (!names.empty()) names += ", ";
    names += std::to_string(member.plan.index);
  }
  return names;
}

bool RollCall::ended(std::int64_t now) noexcept {
  if (!open_ || (!complete() && now < deadline_)) return false;
  open_ = false;
  return true;
}

}  // namespace weir::detail
