// fd.h - owns a descriptor.
#pragma once

#include <utility>

namespace weir::os {

void close_fd(int fd) noexcept;

/// Closes its descriptor when it is destroyed.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept {
    if (fd_ >= 0) close_fd(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace weir::os
