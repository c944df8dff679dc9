#include "os/crash.h"

#include <signal.h>

#include <cstddef>
#include <mutex>
#include <new>

#include "base/counters.h"
#include "os/tap.h"

// Of the sanitizers' runtime, if the program has one.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace weir::os {
namespace {

struct Watched {
  int number;
  struct sigaction before;
};
constinit Watched watched[] = {{SIGSEGV, {}}, {SIGBUS, {}},  {SIGILL, {}},
                               {SIGFPE, {}},  {SIGABRT, {}}, {SIGQUIT, {}}};

constinit std::mutex mutex;
constinit unsigned watches = 0;
// Written before the handlers are installed.
constinit CrashWatch::LastWord last_word = nullptr, last_word_of_all = nullptr;

void set(int number, const struct sigaction& action,
         struct sigaction* before = nullptr) noexcept {
  ++base::counters.calls_other;
  system_call(CallKind::sigaction, ::sigaction, number, &action, before);
}

void on_crash(int number, siginfo_t* info, void*) {
  const bool from_outside = number == SIGQUIT || info->si_code == SI_USER;
  from_outside ? last_word_of_all() : last_word();
  for (const Watched& each : watched) {
    if (each.number == number) set(number, each.before);
  }
  // What the instruction caused it causes again, when this returns to it. What was sent, as by
  // abort(3) or from a terminal, has to be sent again.
  if (from_outside || info->si_code <= 0) ::raise(number);
}

bool is_ours(int number) noexcept {
  struct sigaction now{};
  ++base::counters.calls_other;
  return system_call(CallKind::sigaction, ::sigaction, number, nullptr, &now) == 0 &&
         now.sa_sigaction == on_crash;
}

}  // namespace

CrashWatch::CrashWatch(LastWord tell, LastWord tell_all) noexcept {
  std::lock_guard lock(mutex);
  if (watches++ != 0) return;
  last_word = tell;
  last_word_of_all = tell_all;
  struct sigaction action{};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = on_crash;
  for (Watched& each : watched) {
    set(each.number, action, &each.before);
    const bool is_ignored = each.before.sa_handler == SIG_IGN;  // By nohup(1), or in a script.
    if (each.number == SIGQUIT && is_ignored) set(each.number, each.before);
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tell);
}

CrashWatch::~CrashWatch() {
  std::lock_guard lock(mutex);
  if (--watches != 0) return;
  for (const Watched& each : watched) {
    if (is_ours(each.number)) set(each.number, each.before);  // Else the program has set its own.
  }
}

SpareStack::SpareStack() noexcept {
  constexpr std::size_t size = 64 * 1024;
  stack_t before{};
  if (::sigaltstack(nullptr, &before) != 0 || (before.ss_flags & SS_DISABLE) == 0) return;
  memory_.reset(new (std::nothrow) std::byte[size]);
  if (memory_ == nullptr) return;
  stack_t mine{};
  mine.ss_sp = memory_.get();
  mine.ss_size = size;
  if (::sigaltstack(&mine, nullptr) != 0) memory_.reset();
}

SpareStack::~SpareStack() {
  if (memory_ == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace weir::os
