#include "os/signals.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "base/counters.h"
#include "os/process.h"
#include "os/tap.h"

namespace weir::os {
namespace {

// Handlers get no argument of their own. Written before the handler is installed.
using Action = void (*)(Request, void*);
constinit Action on_request = nullptr;
constinit void* on_request_argument = nullptr;
// Whose they are now; the argument stays for a handler that another thread is in at the end.
constinit std::atomic<const void*> holder{nullptr};
constinit std::atomic<int> holder_process{0};
constinit ParentsSignals of_parent;
constinit std::atomic<int> exit_code{0};
constinit sigset_t before_fork{};

struct Installed {
  int number;
  Request request;
  struct sigaction before;
  bool here;
};
constinit Installed installed[] = {{SIGINT, Request::stop, {}, false},
                                   {SIGTERM, Request::stop, {}, false},
                                   {SIGUSR1, Request::report, {}, false},
                                   {SIGUSR2, Request::restart, {}, false}};

void on_signal(int number) {
  for (const Installed& each : installed) {
    if (each.number == number) return on_request(each.request, on_request_argument);
  }
}

void on_parents_drain(int, siginfo_t* info, void*) {
  const bool is_parents = info->si_code == SI_USER && info->si_pid == of_parent.parent;
  const bool lives = getppid() == of_parent.parent;
  of_parent.drain(of_parent.argument,
                  is_parents && lives ? Sender::living_parent : Sender::other);
}
void on_parents_cut(int) { of_parent.cut(of_parent.argument); }
void on_parents_look(int) { of_parent.look(of_parent.argument); }
void on_alarm(int) { exit_now(exit_code.load()); }

// Without SA_RESTART: a blocking call ends with EINTR, so that its caller looks up.
void install(int number, struct sigaction action, struct sigaction* before = nullptr) noexcept {
  ++base::counters.calls_other;
  sigemptyset(&action.sa_mask);
  system_call(CallKind::sigaction, ::sigaction, number, &action, before);
}
void install(int number, void (*handler)(int), struct sigaction* before = nullptr) noexcept {
  struct sigaction action{};
  action.sa_handler = handler;
  install(number, action, before);
}
void install(int number, void (*handler)(int, siginfo_t*, void*)) noexcept {
  struct sigaction action{};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  install(number, action);
}

}  // namespace

bool on_signals(void (*action)(Request, void*), void* argument, bool restartable) noexcept {
  // Of a parent of ours it would be what it has itself.
  if (holder_process != process_id()) holder = nullptr;
  const void* nobody = nullptr;
  if (!holder.compare_exchange_strong(nobody, argument)) return false;
  holder_process = process_id();
  on_request = action;
  on_request_argument = argument;
  for (Installed& each : installed) {
    each.here = restartable || each.request != Request::restart;
    if (each.here) install(each.number, on_signal, &each.before);
  }
  return true;
}

void give_back_signals(const void* argument) noexcept {
  if (holder != argument) return;
  for (Installed& each : installed) {
    if (std::exchange(each.here, false))
      system_call(CallKind::sigaction, ::sigaction, each.number, &each.before, nullptr);
  }
  holder = nullptr;
}

void exit_soon(unsigned seconds, int code) noexcept {
  exit_code.store(code);
  struct sigaction action{};
  action.sa_handler = on_alarm;
  sigemptyset(&action.sa_mask);
  system_call(CallKind::sigaction, ::sigaction, SIGALRM, &action, nullptr);
  alarm(seconds);
}

void cancel_exit_soon() noexcept { alarm(0); }

void on_parents_signals(const ParentsSignals& signals) noexcept {
  of_parent = signals;
  install(SIGTERM, on_parents_drain);
  install(SIGQUIT, on_parents_cut);
  install(SIGINT, SIG_IGN);
  install(SIGUSR1, signals.look != nullptr ? on_parents_look : SIG_IGN);
  install(SIGUSR2, SIG_IGN);
  system_call(CallKind::prctl, ::prctl, PR_SET_PDEATHSIG, SIGTERM);
  // The parent may have died before it was asked for.
  if (signals.parent != 0 && getppid() != signals.parent) raise(SIGTERM);
  pthread_sigmask(SIG_SETMASK, &before_fork, nullptr);
}

SignalsHeld::SignalsHeld() noexcept {
  static_assert(sizeof(sigset_t) <= sizeof before_);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  memcpy(before_, &before, sizeof before);
}

SignalsHeld::~SignalsHeld() {
  if (left_) return;
  sigset_t before;
  memcpy(&before, before_, sizeof before);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void SignalsHeld::leave_to_child() noexcept {
  left_ = true;
  memcpy(&before_fork, before_, sizeof before_fork);
}

void default_signals() noexcept {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action{};
    if (system_call(CallKind::sigaction, ::sigaction, number, nullptr, &action) != 0 ||
        action.sa_handler == SIG_IGN)
      continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    system_call(CallKind::sigaction, ::sigaction, number, &action, nullptr);
  }
}

void discard_broken_pipe() noexcept {
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  const timespec at_once{};
  sigtimedwait(&broken_pipe, nullptr, &at_once);
}

void let_signals_come() noexcept {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace weir::os
