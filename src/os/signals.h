// signals.h - the signals of a server and of its child processes.
#pragma once

#include <cstdint>

namespace weir::os {

/// What a signal asks a server for.
enum class Request : std::uint8_t { stop, report, restart };

/// Calls `action(request, argument)` from the signal handler: SIGINT and SIGTERM ask to stop,
/// SIGUSR1 to report, and, if it is `restartable`, SIGUSR2 to restart. One at a time in a process:
/// false if another has asked and not given them back.
[[nodiscard]] bool on_signals(void (*action)(Request, void*), void* argument,
                              bool restartable) noexcept;
/// Restores what was there before on_signals() with that argument; no effect if it had none.
void give_back_signals(const void* argument) noexcept;

/// Ends the process with `code` if it still runs after some seconds: for a signal that has to
/// end it even if a handler never returns. From a signal handler.
void exit_soon(unsigned seconds, int code) noexcept;
/// It is not needed any more.
void cancel_exit_soon() noexcept;

/// Whose SIGTERM it is. The kernel sends one in the name of a parent that lives when the thread of
/// his that forked has ended.
enum class Sender : std::uint8_t { living_parent, other };

/// In a child of ours: calls `drain(argument, sender)` on SIGTERM, `cut(argument)` on SIGQUIT, and
/// asks the kernel for SIGTERM when `parent` dies (PR_SET_PDEATHSIG), which also comes when only
/// the thread has ended that forked. SIGINT, SIGUSR1 and SIGUSR2 are the parent's: a terminal or
/// an operator sends them to all. Then lets those signals come that came before the fork.
struct ParentsSignals {
  void (*drain)(void*, Sender) = nullptr;
  void (*cut)(void*) = nullptr;
  /// On SIGUSR1; nullptr: ignored.
  void (*look)(void*) = nullptr;
  void* argument = nullptr;
  int parent = 0;
};
void on_parents_signals(const ParentsSignals& signals) noexcept;

/// Holds all signals of this thread back while it lives: around fork(2), so that none reaches a
/// child that still has its parent's handlers, and in threads that no signal should choose.
class SignalsHeld {
 public:
  SignalsHeld() noexcept;
  ~SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

  /// In the child: they stay held until on_parents_signals().
  void leave_to_child() noexcept;

 private:
  // Room for a sigset_t, whose header stays out of this one.
  alignas(8) unsigned char before_[128];
  bool left_ = false;
};

/// In a child that is about to execute a program, and holds signals: no signal calls a handler
/// of this program any more. Ignored ones stay ignored, as execve(2) has it.
void default_signals() noexcept;
/// Lets every signal come: for a program that is about to be executed.
void let_signals_come() noexcept;

/// Takes the SIGPIPE back that a write of this thread has just caused. Requires: it is held.
void discard_broken_pipe() noexcept;

}  // namespace weir::os
