// crash.h - a last word before a bug ends the process.
#pragma once

namespace weir::os {

/// While one lives, `tell()` is called on the thread that a bug befalls: before a signal that it
/// raises (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) does what was set for it before, and before a
/// sanitizer ends the process. `tell` runs in a signal handler; a sanitizer keeps it for good, so
/// it must know itself when there is nothing to say. Those that live at a time have the same one.
class CrashWatch {
 public:
  using LastWord = void (*)() noexcept;
  explicit CrashWatch(LastWord tell) noexcept;
  ~CrashWatch();
  CrashWatch(const CrashWatch&) = delete;
  CrashWatch& operator=(const CrashWatch&) = delete;
};

}  // namespace weir::os
