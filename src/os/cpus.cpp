#include "os/cpus.h"

#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "base/counters.h"
#include "os/tap.h"

namespace weir::os {
namespace {

int run_on(const std::vector<unsigned>& cpus) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const unsigned cpu : cpus) CPU_SET(cpu, &set);
  ++base::counters.calls_other;
  return system_call(CallKind::sched_setaffinity, ::sched_setaffinity, 0, sizeof set, &set);
}

// "3" or "2-5". False: it is neither.
bool add_range(std::string_view text, std::vector<unsigned>& cpus) {
  unsigned first = 0;
  const char* const end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, first);
  unsigned last = first;
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == '-') {
    read = std::from_chars(read.ptr + 1, end, last);
  }
  if (read.ec != std::errc() || read.ptr != end || last < first || last >= CPU_SETSIZE) {
    return false;
  }
  for (unsigned cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  return true;
}

}  // namespace

std::vector<unsigned> usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ++base::counters.calls_other;
  if (system_call(CallKind::sched_getaffinity, ::sched_getaffinity, 0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
  }
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<unsigned> cpu_list(std::string_view text) {
  std::vector<unsigned> cpus;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    if (!add_range(text.substr(0, comma), cpus)) return {};
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return cpus;
}

std::string text_of(const std::vector<unsigned>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (i != 0) text += ',';
    text += std::to_string(cpus[i]);
    if (last != i) text += fmt::format("-{}", cpus[last]);
    i = last + 1;
  }
  return text;
}

Pinned::Pinned(int cpu) {
  if (cpu < 0) return;
  std::vector<unsigned> before = usable_cpus();
  if (run_on({static_cast<unsigned>(cpu)}) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("cannot run on CPU {}", cpu));
  }
  before_ = std::move(before);
}

Pinned::~Pinned() {
  if (!before_.empty()) run_on(before_);
}

}  // namespace weir::os
