// crash.h - a last word before a bug ends the process.
#pragma once

#include <cstddef>
#include <memory>

namespace weir::os {

/// While one lives, `tell()` is called on the thread that a bug befalls: before a signal that it
/// raises (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) does what was set for it before, and before a
/// sanitizer ends the process. `tell_all()` is called instead, on any thread, if somebody outside
/// has sent the signal, and for SIGQUIT, by which one ends a program that hangs (Ctrl-\ at a
/// terminal), unless it is ignored. Both run in a signal handler; a sanitizer keeps `tell` for
/// good, so it must know itself when there is nothing to say. Those that live at a time have the
/// same two.
class CrashWatch {
 public:
  using LastWord = void (*)() noexcept;
  CrashWatch(LastWord tell, LastWord tell_all) noexcept;
  ~CrashWatch();
  CrashWatch(const CrashWatch&) = delete;
  CrashWatch& operator=(const CrashWatch&) = delete;
};

/// A stack for this thread's signal handlers while it lives (sigaltstack(2)), so that it can tell
/// of an overflow of its own. No effect where the thread has one, or none is to be had.
class SpareStack {
 public:
  SpareStack() noexcept;
  ~SpareStack();
  SpareStack(const SpareStack&) = delete;
  SpareStack& operator=(const SpareStack&) = delete;

 private:
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace weir::os
