// crash.h - a last word before a bug ends the process.
#pragma once

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

}  // namespace weir::os
