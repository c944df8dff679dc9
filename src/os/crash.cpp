#include "os/crash.h"

#include <signal.h>

#include <mutex>

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
constinit Watched watched[] = {
    {SIGSEGV, {}}, {SIGBUS, {}}, {SIGILL, {}}, {SIGFPE, {}}, {SIGABRT, {}}};

constinit std::mutex mutex;
constinit unsigned watches = 0;
// Written before the handlers are installed.
constinit CrashWatch::LastWord last_word = nullptr;

void set(int number, const struct sigaction& action,
         struct sigaction* before = nullptr) noexcept {
  ++base::counters.calls_other;
  system_call(CallKind::sigaction, ::sigaction, number, &action, before);
}

void on_crash(int number, siginfo_t* info, void*) {
  last_word();
  for (const Watched& each : watched) {
    if (each.number == number) set(number, each.before);
  }
  // What the instruction caused it causes again, when this returns to it. What was sent, as by
  // abort(3), has to be sent again.
  if (info->si_code <= 0) ::raise(number);
}

}  // namespace

CrashWatch::CrashWatch(LastWord tell) noexcept {
  std::lock_guard lock(mutex);
  if (watches++ != 0) return;
  last_word = tell;
  struct sigaction action{};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = on_crash;
  for (Watched& each : watched) set(each.number, action, &each.before);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tell);
}

CrashWatch::~CrashWatch() {
  std::lock_guard lock(mutex);
  if (--watches != 0) return;
  for (const Watched& each : watched) set(each.number, each.before);
}

}  // namespace weir::os
