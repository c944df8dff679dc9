// bell.h - waking a supervisor, from any of its threads, processes or signal handlers.
#pragma once

#include "os/fd.h"

namespace weir::os {

/// An eventfd(2) that forked children share with their parent. It carries no message: whoever
/// hears it looks at everything.
class Bell {
 public:
  /// Throws std::system_error when there is no descriptor.
  Bell();

  /// From any thread or signal handler of this process and of those forked from it.
  void ring() const noexcept;
  /// Readable when it was rung.
  int fd() const noexcept { return fd_.get(); }
  void clear() const noexcept;

 private:
  Fd fd_;
};

}  // namespace weir::os
